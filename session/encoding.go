package session

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"github.com/pinnacle-proxy/pinnacle-proxy/wire"
)

// A client with another encoding than UTF-8 gets what home gives, in its encoding: its statements are run in rounds, and text
// among arguments and answers goes between home and the proxy as the bytes of its UTF-8 (planner.Function.Encoded).

// otherEncoding reports whether the client has an encoding that is neither UTF-8 nor what readable takes for it.
func otherEncoding(parameter func(name string) string) bool { return readable(parameter) != nil }

// plainText refuses what is not ASCII in a text of another encoding: the parser reads UTF-8.
func plainText(parameter func(name string) string, text string) error {
	at := strings.IndexFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
	if at < 0 {
		return nil
	}
	return coded("0A000", fmt.Sprintf("the text of a statement with predict must be ASCII with client_encoding %s", parameter("client_encoding")),
		"Values of parameters, and what the statement reads and gives, may be any text.", "Hand the text over as a parameter, or write it as U&'…', or SET client_encoding TO 'UTF8'.")
}

// encodingOf gives PostgreSQL's encoding of a name (pg_enc in pg_wchar.h), nil where there is none here.
func encodingOf(name string) encoding.Encoding {
	switch name {
	case "LATIN1":
		return charmap.ISO8859_1
	case "LATIN2":
		return charmap.ISO8859_2
	case "LATIN3":
		return charmap.ISO8859_3
	case "LATIN4":
		return charmap.ISO8859_4
	case "ISO_8859_5":
		return charmap.ISO8859_5
	case "ISO_8859_6":
		return charmap.ISO8859_6
	case "ISO_8859_7":
		return charmap.ISO8859_7
	case "ISO_8859_8":
		return charmap.ISO8859_8
	case "LATIN5":
		return charmap.ISO8859_9
	case "LATIN6":
		return charmap.ISO8859_10
	case "LATIN7":
		return charmap.ISO8859_13
	case "LATIN8":
		return charmap.ISO8859_14
	case "LATIN9":
		return charmap.ISO8859_15
	case "LATIN10":
		return charmap.ISO8859_16
	case "WIN1250":
		return charmap.Windows1250
	case "WIN1251":
		return charmap.Windows1251
	case "WIN1252":
		return charmap.Windows1252
	case "WIN1253":
		return charmap.Windows1253
	case "WIN1254":
		return charmap.Windows1254
	case "WIN1255":
		return charmap.Windows1255
	case "WIN1256":
		return charmap.Windows1256
	case "WIN1257":
		return charmap.Windows1257
	case "WIN1258":
		return charmap.Windows1258
	case "WIN866":
		return charmap.CodePage866
	case "WIN874":
		return charmap.Windows874
	case "KOI8R":
		return charmap.KOI8R
	case "KOI8U":
		return charmap.KOI8U
	case "EUC_JP":
		return japanese.EUCJP
	case "SJIS":
		return japanese.ShiftJIS
	case "EUC_KR", "UHC":
		return korean.EUCKR
	case "GBK":
		return simplifiedchinese.GBK
	case "GB18030":
		return simplifiedchinese.GB18030
	case "BIG5":
		return traditionalchinese.Big5
	}
	return nil
}

// encodedText is a text in the client's encoding, with ? in place of characters that it lacks.
func encodedText(name, text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) < 0 {
		return text
	}
	e := encodingOf(name)
	var out strings.Builder
	for _, r := range text {
		c := string(r)
		if r > unicode.MaxASCII {
			if e == nil {
				c = "?"
			} else if in, err := e.NewEncoder().String(c); err == nil {
				c = in
			} else {
				c = "?"
			}
		}
		out.WriteString(c)
	}
	return out.String()
}

// encodedError gives an error of the proxy's the client's encoding. Home's errors have it.
func encodedError(parameter func(name string) string, err error) error {
	var e *wire.Error
	if !errors.As(err, &e) || e.FromHome || !otherEncoding(parameter) {
		return err
	}
	own, name := *e, parameter("client_encoding")
	r := &own.Response
	r.Message, r.Detail, r.Hint = encodedText(name, r.Message), encodedText(name, r.Detail), encodedText(name, r.Hint)
	return &own
}
