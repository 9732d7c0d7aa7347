import ArgumentParser
import GatewayConfig
import GatewayCore
import GatewayHTTP

struct Cache: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look into the cache of a running gateway, or empty it, through its admin listener.",
        subcommands: [Show.self, Purge.self], defaultSubcommand: Show.self)

    @OptionGroup var listener: AdminOption

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the entries, bytes and hit rate of the cache zones, or of one.")

        @OptionGroup var listener: AdminOption

        @Flag(help: "Print JSON.")
        var json = false

        @Argument(help: "The name of a cache_zone.")
        var zone: String?

        func run() throws {
            let parameters = (zone.map { ["zone=" + AdminQuery.encode($0)] } ?? []) + (json ? [] : ["format=text"])
            try listener.ask(.get, "/cache?" + parameters.joined(separator: "&"))
        }
    }

    struct Purge: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take answers out of a cache zone: one by its key, those to a path and all below it, or all.")

        @OptionGroup var listener: AdminOption

        @Argument(help: "The name of a cache_zone.")
        var zone: String

        @Option(help: "The key of one answer: 64 hexadecimal digits.")
        var key: String?

        @Option(help: "What the paths begin with, written like a location's.")
        var path: String?

        @Flag(help: "All answers.")
        var all = false

        func validate() throws {
            let count = (key == nil ? 0 : 1) + (path == nil ? 0 : 1) + (all ? 1 : 0)
            if count != 1 { throw ValidationError("expected one of --key, --path and --all") }
            if let key, SHA256Digest(hex: key) == nil { throw ValidationError("a key has 64 hexadecimal digits") }
            if let path, !path.hasPrefix("/") { throw ValidationError("a path begins with \"/\"") }
        }

        func run() throws {
            let what = key.map { "key=" + $0 } ?? path.map { "path=" + AdminQuery.encode($0) } ?? "all"
            try listener.ask(.post, "/cache/purge?zone=\(AdminQuery.encode(zone))&\(what)&format=text")
        }
    }
}

/// Where the admin listener is: as is said, or as the configuration says.
struct AdminOption: ParsableArguments {
    @OptionGroup var config: ConfigOption

    @Option(help: "The address of the admin listener, such as 127.0.0.1:9145; by default the one that the configuration file names.")
    var admin: String?

    /// Prints what it answers; exit status 1 for a refusal.
    func ask(_ method: Method, _ target: String) throws {
        do {
            let answer = try client().ask(method, target)
            if answer.status == 200 { return Console.output(answer.text) }
            Console.error(answer.text)
        } catch let failure as AdminClient.Failure {
            Console.error(failure.text)
        }
        throw ExitCode(1)
    }

    func client() throws -> AdminClient {
        if let admin { return try AdminClient(text: admin) }
        let loaded = ConfigLoader.load(path: config.path, environment: Environment.current)
        let errors = loaded.diagnostics.filter { $0.severity == .error }
        guard let address = loaded.adminAddress else {
            let reason = "\(config.path) has no admin listener: expected admin ADDRESS { }"
            if errors.isEmpty { throw AdminClient.Failure(text: reason) }
            let detour = "the file does not tell the address of the admin listener: expected --admin ADDRESS, which needs no file"
            throw AdminClient.Failure(text: (errors.map(\.text) + [detour]).joined(separator: "\n"))
        }
        if address.port == 0 { throw AdminClient.Failure(text: "the admin listener has any free port: expected --admin ADDRESS") }
        if !errors.isEmpty { warn(of: errors.count, AdminClient(address)) }
        return AdminClient(address)
    }

    /// A gateway that runs has refused such a file, or has an environment that this command lacks.
    private func warn(of errorCount: Int, _ client: AdminClient) {
        Console.error(
            """
            \(config.path) has \(errorCount == 1 ? "an error" : "\(errorCount) errors"), as gateway check tells: asking \(client.address), \
            which it names all the same. A gateway that runs by an older file may be elsewhere: --admin ADDRESS
            """)
    }
}
