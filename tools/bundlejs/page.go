package main

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	sheetLink  = regexp.MustCompile(`[ \t]*<link rel="stylesheet" href="/([^"]+)">\n`)
	mainScript = fmt.Sprintf(`<script type="module" src="/%s"></script>`, start)
)

// bundledPage returns the page with its script and style sheets replaced by the bundled ones, and the names of those sheets.
func bundledPage(html string) (page string, sheets []string, err error) {
	for _, m := range sheetLink.FindAllStringSubmatch(html, -1) {
		sheets = append(sheets, m[1])
	}
	if len(sheets) == 0 || strings.Count(html, mainScript) != 1 {
		return "", nil, fmt.Errorf("index.html has no style sheets, or not %s once", mainScript)
	}
	once := false
	page = sheetLink.ReplaceAllStringFunc(html, func(string) string {
		if once {
			return ""
		}
		once = true
		return fmt.Sprintf("  <link rel=\"stylesheet\" href=\"/%s/%s\">\n", folder, sheet)
	})
	page = strings.Replace(page, mainScript, fmt.Sprintf(`<script type="module" src="/%s/%s"></script>`, folder, start), 1)
	const note = "<!-- Made by go generate ./web. The page as it was written is /index.html, in modules of which each can be read. -->\n"
	return strings.Replace(page, "<head>\n", "<head>\n  "+note, 1), sheets, nil
}
