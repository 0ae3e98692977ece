package tamias_test

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"os"
	"regexp"
	"strings"
	"testing"

	"go/parser"

	"tamias.dev/tamias/go-example/tamias"
)

// The constants of codes.go are those of the header, all of them and no others.
func TestCodesAreThoseOfTheHeader(t *testing.T) {
	header, err := os.ReadFile("../../include/tamias.h")
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]string{}
	define := regexp.MustCompile(`(?m)^#define TAMIAS_(ERR|CLASS)_(\w+) (-?\d+)$`)
	for _, found := range define.FindAllStringSubmatch(string(header), -1) {
		name := strings.ReplaceAll(strings.ToLower(found[2]), "_", "")
		if found[1] == "CLASS" {
			name = "class" + name
		}
		wanted[name] = found[3]
	}
	if len(wanted) < 50 {
		t.Fatalf("the header has %d codes and classes", len(wanted))
	}
	values := constants(t, "codes.go")
	for name, value := range wanted {
		if values[name] != value {
			t.Errorf("%s is %s in the header and %q in codes.go", name, value, values[name])
		}
	}
	for name, value := range values {
		if _, ok := wanted[name]; !ok {
			t.Errorf("%s = %s is not in the header", name, value)
		}
	}
}

// constants are the constants of a file, by their names in lower case.
func constants(t *testing.T, path string) map[string]string {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, decl := range file.Decls {
		for _, spec := range decl.(*ast.GenDecl).Specs {
			spec := spec.(*ast.ValueSpec)
			value, err := types.Eval(files, nil, token.NoPos, types.ExprString(spec.Values[0]))
			if err != nil {
				t.Fatal(err)
			}
			if value.Value.Kind() != constant.Int {
				t.Fatalf("%s is no number", spec.Names[0].Name)
			}
			values[strings.ToLower(spec.Names[0].Name)] = value.Value.String()
		}
	}
	return values
}

func TestNamesComeFromTheLibrary(t *testing.T) {
	if name := tamias.OfferGone.String(); name != "OfferGone" {
		t.Errorf("got %q", name)
	}
	if name := tamias.Code(-1).String(); name != "Unknown" {
		t.Errorf("got %q", name)
	}
	if class := tamias.OfferGone.Class(); class != tamias.ClassFailedPrecondition {
		t.Errorf("got %d", class)
	}
	if !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(tamias.Version()) {
		t.Errorf("got version %q", tamias.Version())
	}
}
