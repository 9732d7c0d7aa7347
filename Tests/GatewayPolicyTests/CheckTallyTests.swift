import Testing

@testable import GatewayPolicy

@Suite struct CheckTallyTests {
    /// "+" for a check that passes, "-" for one that fails; the answer says after each whether the address is in.
    private func states(_ checks: String, fall: Int = 3, rise: Int = 2) -> String {
        var tally = CheckTally()
        var states = ""
        for check in checks {
            let before = tally.isUp
            let hasChanged = tally.note(hasPassed: check == "+", fall: fall, rise: rise)
            #expect(hasChanged == (before != tally.isUp))
            states += tally.isUp ? "i" : "o"
        }
        return states
    }

    @Test(arguments: [
        ("---", "iio"), ("--+---", "iiiiio"), ("---+", "iioo"), ("---++", "iiooi"), ("---+-++", "iiooooi"), ("---++--", "iiooiii"),
        ("+++", "iii"),
    ])
    func `as many in a row as fall says take it out, as many as rise says in again`(checks: String, expected: String) {
        #expect(states(checks) == expected)
    }

    @Test func `one check may be enough`() {
        #expect(states("-+-+", fall: 1, rise: 1) == "oioi")
    }
}
