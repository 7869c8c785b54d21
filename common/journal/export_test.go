package journal

import "context"

// MaxAhead is how many reads may begin beyond the end at a time.
const MaxAhead = maxAhead

// Until returns where the stream ends, when it has reached that number, or it is believed that it does not.
func (s *Stream) Until(ctx context.Context, seq uint64) (uint64, error) {
	info, err := s.until(ctx, seq)
	if err != nil {
		return 0, err
	}
	return info.State.LastSeq, nil
}
