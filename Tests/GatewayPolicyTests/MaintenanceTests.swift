import GatewayCore
import Testing

@testable import GatewayPolicy

@Suite struct MaintenanceSecretTests {
    @Test func `only the secret itself is the secret`() {
        func equals(_ guess: String, _ secret: String) -> Bool {
            let (guess, secret) = (bytes(guess), bytes(secret))
            return Maintenance.equals(guess.rawSpan, secret.rawSpan)
        }
        #expect(equals("s3cret", "s3cret") && equals("x", "x"))
        for guess in ["", "s", "s3cre", "s3crets", "s3crets3cret", "S3cret", "terc3s", "s3cre\u{0}"] {
            #expect(!equals(guess, "s3cret"), "\(guess)")
        }
    }
}
