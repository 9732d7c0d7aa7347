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
}
