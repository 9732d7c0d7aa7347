import GatewayCache
import GatewayCore
import Testing

@Suite struct CanonicalJSONNumberTests {
    @Test(arguments: [
        (0x0000_0000_0000_0000 as UInt64, "0"), (0x0000_0000_0000_0001, "5e-324"), (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"), (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"), (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"), (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"), (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"), (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"), (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"), (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"), (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"), (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"), (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ])
    func `the doubles of RFC 8785's appendix B are written as there`(_ bits: UInt64, _ text: String) throws {
        let double = Double(bitPattern: bits)
        #expect(Double(text) == double)
        #expect(try canonical(text) == text)
        // As Swift writes it: with other zeros, points and exponents.
        #expect(try canonical(double.description) == text)
    }

    @Test(arguments: ["0", "-0", "0.0", "-0.000", "0e5", "0E-99999999999999999999", "0.0e999999999999999999", "-0e+0"])
    func `zero is zero`(_ text: String) throws {
        #expect(try canonical(text) == "0")
    }

    @Test(arguments: [
        ("5", ["5.0", "5e0", "50e-1", "0.5E1", "5.000e+00", "0.0005e4"]), ("-1.5", ["-1.50", "-15e-1", "-0.15e1"]),
        ("100", ["1e2", "1E+2", "100.0", "0.1e3"]), ("1e+21", ["1000000000000000000000", "1e21", "10e20"]),
        ("100000000000000000000", ["1e20", "100000000000000000000.0"]), ("0.000001", ["1e-6", "0.0000010"]),
        ("1e-7", ["0.0000001", "10e-8"]),
        ("123456789012345680000", ["12345678901234568e4", "1.2345678901234568E20"]), ("0.1", ["1e-1", "0.10000000000000001", "1.0E-1"]),
        ("0.30000000000000004", ["0.300000000000000040", "30000000000000004e-17"]), ("1.2345e+300", ["12345e296"]),
    ])
    func `a number's spelling doesn't count`(_ form: String, _ spellings: [String]) throws {
        #expect(try canonical(form) == form)
        for spelling in spellings { #expect(try canonical(spelling) == form, "\(spelling)") }
    }

    /// Each line's numbers are different, though their doubles are the same.
    @Test(arguments: [
        ["9007199254740992", "9007199254740993"], ["-9007199254740993", "9007199254740993", "-9007199254740992"],
        ["18446744073709551615", "18446744073709551616", "18446744073709551617", "18446744073709552000"],
        ["1e400", "2e400", "1e401", "-1e400"],
        ["1e-400", "2e-400", "0", "5e-324"], ["5e-324", "4e-324", "6e-324"], ["1e308", "1e309"],
        ["0.1", "0.1000000000000000055511151231257827", "0.10000000000000000000000001"],
        ["12345678901234567890", "12345678901234567891", "12345678901234567000"], ["1.797693134862315807e308", "1.7976931348623157e308"],
        ["9007199254740993", "9007199254740993.00000000001", "9007199254740992.99999999999"],
        // The first is whole to who reads it, the second a double to many: 9007199254740992.
        ["9007199254740993", "9007199254740993.0", "9007199254740992"], ["1" + String(repeating: "0", count: 400), "1e400"],
    ])
    func `what a double doesn't hold counts by its digits`(_ numbers: [String]) throws {
        let forms = try numbers.map { try canonical($0) }
        #expect(Set(forms).count == numbers.count, "\(forms)")
        for form in forms { #expect(try canonical(form) == form) }
    }

    @Test(arguments: [
        ("9007199254740993", "9007199254740993"), ("90071992547409930e-1", "9.007199254740993E+15"),
        ("-9007199254740993.0", "-9.007199254740993E+15"), ("9.007199254740993e15", "9.007199254740993E+15"),
        ("9007199254740993E0", "9.007199254740993E+15"), ("-123456789012345678900", "-123456789012345678900"),
        ("1e400", "1E+400"), ("-10.0e399", "-1E+400"), ("1e-400", "1E-400"), ("0.12345678901234567890", "1.234567890123456789E-1"),
    ])
    func `digits that count are written in one way as well`(_ text: String, _ form: String) throws {
        #expect(try canonical(text) == form)
    }

    @Test func `a number as it stands and with an exponent of 0 are one`() throws {
        var canonicaliser = Canonicaliser()
        var generator = SystemRandomNumberGenerator()
        func digits(_ count: Int) -> String { String((0..<count).map { _ in "0000123456789".randomElement(using: &generator) ?? "0" }) }
        for _ in 0..<20_000 {
            let sign = Bool.random(using: &generator) ? "-" : ""
            let whole = Bool.random(using: &generator) ? "0" : "1" + digits(.random(in: 0...15, using: &generator))
            let fraction = Bool.random(using: &generator) ? "" : "." + digits(.random(in: 1...18, using: &generator))
            let text = sign + whole + fraction
            // Whole numbers beyond those that a double holds are apart from all that has an exponent.
            if fraction.isEmpty && whole.utf8.count > 15 { continue }
            for (opening, closing) in [("", ""), ("[", "]"), ("[0,", " ]"), ("{\"a\":", "}")] {
                let plain = try canonicaliser.form(Array((opening + text + closing).utf8))
                #expect(try canonicaliser.form(Array((opening + text + "e0" + closing).utf8)) == plain, "\(text)")
            }
        }
        #expect(throws: CanonicalJSONFailure.invalid) { try canonical("[01.5]") }
        #expect(throws: CanonicalJSONFailure.invalid) { try canonical("[1.]") }
        #expect(throws: CanonicalJSONFailure.invalid) { try canonical("[-]") }
        #expect(throws: CanonicalJSONFailure.invalid) { try canonical("[-.5]") }
    }

    @Test func `doubles are what they are when written with 15 to 17 digits`() throws {
        var canonicaliser = Canonicaliser()
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let double = Double(bitPattern: generator.next())
            if !double.isFinite { continue }
            let form = try canonicaliser.form(Array(double.description.utf8))
            let text = String(decoding: form, as: UTF8.self)
            #expect(Double(text) == double)
            #expect(!text.contains("E"), "\(double) is not taken for a double")
            #expect(try canonicaliser.form(form) == form)
        }
    }
}
