package highlight

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
)

// goTokens returns what is not plain in a Go file.
func goTokens(src []byte) []span {
	files := token.NewFileSet()
	file := files.AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, scanner.ScanComments)
	var found []span
	for {
		pos, tok, text := s.Scan()
		class := Plain
		switch {
		case tok == token.EOF:
			return found
		case tok == token.COMMENT:
			class = Comment
		case tok == token.STRING, tok == token.CHAR:
			class = String
		case tok == token.INT, tok == token.FLOAT, tok == token.IMAG:
			class = Number
		case tok.IsKeyword():
			class = Keyword
		}
		if from := file.Offset(pos); class != Plain {
			found = append(found, span{class, from, from + len(text)})
		}
	}
}

// goFunctions returns the lines of the functions and methods in a Go file.
func goFunctions(src []byte) (map[string][2]int, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	found := map[string][2]int{}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			name := f.Name.Name
			if f.Recv != nil && len(f.Recv.List) > 0 { // the parser takes func () f() {}
				name = receiver(f.Recv.List[0].Type) + "." + name
			}
			found[name] = [2]int{files.Position(f.Pos()).Line, files.Position(f.End()).Line}
		}
	}
	return found, nil
}

// receiver returns the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr: // T[A]
		return receiver(e.X)
	case *ast.IndexListExpr: // T[A, B]
		return receiver(e.X)
	default:
		return "?"
	}
}
