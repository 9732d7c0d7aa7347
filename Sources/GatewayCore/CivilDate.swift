/// A day of the proleptic Gregorian calendar.
public struct CivilDate: Equatable, Sendable, BitwiseCopyable {
    public let year: Int
    /// 1 to 12.
    public let month: Int
    /// 1 to 31.
    public let day: Int

    /// The date `days` after 1970-01-01; `days` is not negative.
    ///
    /// Years begin in March here, so that the leap day is a year's last, and eras have 400 years, after which the calendar
    /// repeats (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days).
    public init(daysSince1970 days: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    }
    /// Of a year from 1970 to 9999; nil if there is no such day.
    public init?(year: Int, month: Int, day: Int) {
        guard 1970...9999 ~= year, 1...12 ~= month, 1...31 ~= day else { return nil }
        let date = CivilDate(daysSince1970: Self.days(year, month, day))
        // The 30th of February would be a day of March.
        if date.month != month { return nil }
        self = date
    }

    /// Counted from 1970-01-01 on.
    public var daysSince1970: Int { Self.days(year, month, day) }

    /// The same source's days_from_civil.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear % 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
