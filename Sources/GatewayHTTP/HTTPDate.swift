import GatewayCore

/// Dates as HTTP writes them (RFC 9110 § 5.6.7).
public enum HTTPDate {
    private static let secondsPerDay = 86_400

    /// Appends the IMF-fixdate of a time given in seconds since 1970, UTC: `Sun, 06 Nov 1994 08:49:37 GMT`.
    /// For times from 1970 to 9999.
    public static func append(epochSeconds: Int, to queue: inout ByteQueue) {
        precondition(epochSeconds >= 0 && epochSeconds < 253_402_300_800)
        let days = epochSeconds / secondsPerDay
        let second = epochSeconds % secondsPerDay
        let date = CivilDate(daysSince1970: days)
        queue.append(weekday(days))
        append(twoDigits: date.day, to: &queue)
        queue.append(monthName(date.month))
        append(twoDigits: date.year / 100, to: &queue)
        append(twoDigits: date.year % 100, to: &queue)
        queue.append(UInt8(ascii: " "))
        append(twoDigits: second / 3600, to: &queue)
        queue.append(UInt8(ascii: ":"))
        append(twoDigits: second / 60 % 60, to: &queue)
        queue.append(UInt8(ascii: ":"))
        append(twoDigits: second % 60, to: &queue)
        queue.append(" GMT")
    }

    /// 1970-01-01 was a Thursday.
    private static func weekday(_ days: Int) -> StaticString {
        switch days % 7 {
        case 0: "Thu, "
        case 1: "Fri, "
        case 2: "Sat, "
        case 3: "Sun, "
        case 4: "Mon, "
        case 5: "Tue, "
        default: "Wed, "
        }
    }

    private static func monthName(_ month: Int) -> StaticString {
        switch month {
        case 1: " Jan "
        case 2: " Feb "
        case 3: " Mar "
        case 4: " Apr "
        case 5: " May "
        case 6: " Jun "
        case 7: " Jul "
        case 8: " Aug "
        case 9: " Sep "
        case 10: " Oct "
        case 11: " Nov "
        default: " Dec "
        }
    }

    private static func append(twoDigits value: Int, to queue: inout ByteQueue) {
        queue.append(UInt8(truncatingIfNeeded: value / 10 + 0x30))
        queue.append(UInt8(truncatingIfNeeded: value % 10 + 0x30))
    }
}
