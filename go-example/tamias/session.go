package tamias

import (
	"fmt"
	"strconv"
	"strings"
)

// Session is the right to send commands in one capacity: framework, agent driver or operator. It is
// opened with `{"do":"open_session","kind":"framework"}`, whose reply names it.
type Session uint64

// NoSession opens sessions, and sends lines of scripts.
const NoSession Session = 0

// ParseSession reads a session as it stands in replies and events, such as "s0.1".
func ParseSession(text string) (Session, error) {
	wrong := func() (Session, error) {
		const right = "sINDEX.GENERATION, such as s0.1"
		return NoSession, fmt.Errorf("%.40q is no session: expected %s", text, right)
	}
	index, generation, ok := strings.Cut(strings.TrimPrefix(text, "s"), ".")
	if !ok || !strings.HasPrefix(text, "s") {
		return wrong()
	}
	low, err := strconv.ParseUint(index, 10, 32)
	if err != nil {
		return wrong()
	}
	high, err := strconv.ParseUint(generation, 10, 32)
	if err != nil || high == 0 {
		return wrong()
	}
	return Session(high<<32 | low), nil
}

// String is the session as it stands in replies and events.
func (s Session) String() string {
	return fmt.Sprintf("s%d.%d", uint32(s), uint32(s>>32))
}

// UnmarshalText lets a session be a field of a struct that a line is decoded into.
func (s *Session) UnmarshalText(text []byte) error {
	session, err := ParseSession(string(text))
	*s = session
	return err
}

// MarshalText is the opposite of UnmarshalText.
func (s Session) MarshalText() ([]byte, error) {
	return []byte(s.String()), nil
}
