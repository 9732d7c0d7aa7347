import ArgumentParser
import GatewayConfig
import GatewayCore
import GatewayNet

struct Key: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make API keys: see api_keys in the configuration.", subcommands: [New.self])

    struct New: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a new random key of 64 hexadecimal digits, and below it the line for api_keys.",
            discussion: "The key is shown this once: the line holds its SHA-256 alone.")

        @Argument(help: "The name that logs and metrics will have for the key.")
        var name: String

        func run() throws {
            let key = NewKey.text()
            var sha256 = SHA256()
            guard let line = APIKeyLine.text(name: name, digest: sha256.digest(of: Array(key.utf8).rawSpan)) else {
                throw ValidationError("a name has up to 64 letters, digits, \"-\", \"_\" and \".\"")
            }
            Console.output("\(key)\n\(line)")
        }
    }
}

/// 256 bits of the kernel's randomness.
private enum NewKey {
    static func text() -> String {
        var system = SystemRandomNumberGenerator()
        return SHA256Digest(system.next(), system.next(), system.next(), system.next()).description
    }
}
