package tamias

import "fmt"

// Error is why a call was rejected. A rejected command leaves the kernel as it was.
type Error struct {
	// Code is for programs: compare it with [errors.Is].
	Code Code
	// Field is the path of the field that was wrong, such as "operations[0].launch.tasks[2].name";
	// empty if the whole line is meant.
	Field string
	// Index is the entry of the command's list that was wrong, counted from 0; -1 if none is meant.
	Index int
	// ID is the object that was meant; 0 if none.
	ID uint64
	// Message is one line for people: where, what was wrong and what would be right.
	Message string
}

// Error is the code's name and the message.
func (e *Error) Error() string {
	return e.Code.String() + ": " + e.Message
}

// Is lets errors.Is compare an error with a [Code] or a [Class].
func (e *Error) Is(target error) bool {
	switch target := target.(type) {
	case Code:
		return e.Code == target
	case Class:
		return e.Code.Class() == target
	default:
		return false
	}
}

// Code is what went wrong, for programs: a number that is never used for anything else. It is an
// error so that errors.Is(err, tamias.OfferGone) can be written.
type Code int32

// String is the code's name, such as "OfferGone".
func (c Code) String() string {
	return codeName(c)
}

// Error is the code's name.
func (c Code) Error() string {
	return c.String()
}

// Class is what a program can do about the code.
func (c Code) Class() Class {
	return Class(-c >> 8)
}

// Class is a kind of code: what a program can do about it.
type Class int32

// Error is the class's number; its name stands in the documentation.
func (c Class) Error() string {
	return fmt.Sprintf("errors of class %d", int32(c))
}
