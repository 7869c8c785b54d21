package embedded

// Fail has the journal believe that its server cannot write.
func (j *Journal) Fail(err error) { j.report(err) }
