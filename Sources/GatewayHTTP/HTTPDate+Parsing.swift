import GatewayCore

extension HTTPDate {
    /// The seconds since 1970 that an IMF-fixdate stands for; nil for anything else. (The two obsolete forms of RFC 9110 § 5.6.7 have not been
    /// sent by servers for decades; where a date matters here, one that can't be read is in the past.)
    public static func epochSeconds(_ text: RawSpan) -> Int? {
        // Sun, 06 Nov 1994 08:49:37 GMT
        guard text.byteCount == 29, text.extracting(25..<29).equals(" GMT"), text[byte: 3] == UInt8(ascii: ",") else { return nil }
        guard let day = number(text, 5..<7), let year = number(text, 12..<16), let month = month(text.extracting(8..<11)),
            let hour = number(text, 17..<19), let minute = number(text, 20..<22), let second = number(text, 23..<25),
            text[byte: 19] == UInt8(ascii: ":"), text[byte: 22] == UInt8(ascii: ":"), hour < 24, minute < 60, second <= 60,
            let date = CivilDate(year: year, month: month, day: day)
        else { return nil }
        return date.daysSince1970 * 86_400 + hour * 3600 + minute * 60 + second
    }

    private static func number(_ text: RawSpan, _ range: Range<Int>) -> Int? {
        var value = 0
        for index in range {
            guard text[byte: index].isDigit else { return nil }
            value = value * 10 + Int(text[byte: index] - 0x30)
        }
        return value
    }

    private static func month(_ name: RawSpan) -> Int? {
        let names: [StaticString] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
        return names.firstIndex { name.equalsIgnoringCase($0) }.map { $0 + 1 }
    }
}
