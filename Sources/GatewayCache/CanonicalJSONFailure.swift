/// Why a body has no canonical form. What can't be told apart for certain is not cached: each is a reason in a counter, by its raw value.
public enum CanonicalJSONFailure: String, Error, CaseIterable {
    /// Not JSON (RFC 8259): bytes that don't belong there, a raw control character in a string, a BOM, an end that comes too early.
    case invalid = "json_invalid"
    /// An object names a member twice: readers don't agree on which of them counts (RFC 8259 § 4).
    case duplicateName = "json_duplicate_name"
    /// More than ``Limits/jsonDepthMax`` arrays and objects within each other.
    case tooDeep = "json_too_deep"
    /// Bytes in a string that are not UTF-8, or an escape of half a surrogate pair: no text.
    case invalidUnicode = "json_invalid_unicode"
    /// A number of more than ``Limits/jsonNumberDigitsMax`` digits, or with an exponent that nobody computes.
    case numberTooLong = "json_number_too_long"
    /// It would take too long: ``Limits/jsonLongNumbersMax``, ``Limits/jsonMembersSortedMax``,
    /// ``Limits/jsonSortedBytesMax``.
    case tooCostly = "json_too_costly"
    /// More than ``Limits/jsonBodyBytesMax``.
    case tooLong = "json_too_long"
}
