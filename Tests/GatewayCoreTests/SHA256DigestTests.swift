import GatewayCore
import Testing

@Suite struct SHA256DigestTests {
    private static let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    @Test func `hexadecimal digits are read in either case, and written in lower`() throws {
        let digest = try #require(SHA256Digest(hex: Self.abc))
        #expect(digest.description == Self.abc)
        #expect(SHA256Digest(hex: Self.abc.uppercased()) == digest)
        #expect(digest.first == 0xba78_16bf_8f01_cfea)
        #expect(SHA256Digest(0, 1, 2, 3).description.hasPrefix("00000000000000000000000000000001"))
    }

    @Test(arguments: ["", "ba78", String(abc.dropLast()), abc + "0", String(abc.dropLast()) + "g", String(abc.dropLast()) + "é"])
    func `what has not 64 digits is none`(text: String) {
        #expect(SHA256Digest(hex: text) == nil)
    }

    @Test func `a difference in any word is one`() throws {
        let digest = SHA256Digest(1, 2, 3, 4)
        #expect(digest.isSame(as: SHA256Digest(1, 2, 3, 4)))
        for other in [SHA256Digest(0, 2, 3, 4), SHA256Digest(1, 0, 3, 4), SHA256Digest(1, 2, 0, 4), SHA256Digest(1, 2, 3, 5)] {
            #expect(!digest.isSame(as: other))
        }
    }
}

@Suite struct CivilDateTests {
    @Test func `a date is its number of days, and back`() {
        #expect(CivilDate(year: 1970, month: 1, day: 1)?.daysSince1970 == 0)
        #expect(CivilDate(year: 2027, month: 3, day: 31)?.daysSince1970 == 20_908)
        for days in stride(from: 0, to: 200_000, by: 17) { #expect(CivilDate(daysSince1970: days).daysSince1970 == days) }
    }

    @Test func `only days of the calendar are dates`() {
        #expect(CivilDate(year: 2024, month: 2, day: 29) != nil)
        for (year, month, day) in [(2023, 2, 29), (2100, 2, 29), (2024, 4, 31), (2024, 13, 1), (2024, 0, 1), (2024, 1, 0), (1969, 1, 1)] {
            #expect(CivilDate(year: year, month: month, day: day) == nil)
        }
    }
}
