package session

import (
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// TestEncodedText wants the bytes that PostgreSQL's own conversions give.
func TestEncodedText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ encoding, text, want string }{
		{"LATIN1", "é€", "\xe9?"}, {"LATIN9", "é€", "\xe9\xa4"}, {"WIN1252", "é€", "\xe9\x80"}, {"WIN1251", "Ж", "\xc6"}, {"KOI8R", "Ж", "\xf6"},
		{"SJIS", "日", "\x93\xfa"}, {"EUC_JP", "日", "\xc6\xfc"}, {"GBK", "日", "\xc8\xd5"}, {"BIG5", "日", "\xa4\xe9"}, {"UHC", "가", "\xb0\xa1"},
		{"EUC_TW", "a日", "a?"}, {"LATIN2", "plain", "plain"},
	} {
		if got := encodedText(c.encoding, c.text); got != c.want {
			t.Errorf("%s in %s: %x", c.text, c.encoding, got)
		}
	}
	set := map[string]string{"client_encoding": "LATIN1", "server_encoding": "UTF8"}
	parameter := func(name string) string { return set[name] }
	home := coded("22023", "\xe9", "", "")
	home.FromHome = true
	for err, want := range map[*wire.Error]string{coded("38000", "é", "", ""): "\xe9", home: "\xe9"} {
		if got := encodedError(parameter, err).(*wire.Error).Response.Message; got != want {
			t.Errorf("%x", got)
		}
	}
	if err := plainText(parameter, "SELECT 'é'"); err == nil {
		t.Error("a text that is not ASCII is taken")
	}
	set["client_encoding"] = "UTF8"
	if otherEncoding(parameter) {
		t.Error("UTF8 is another encoding")
	}
}
