import ArgumentParser
import GatewayConfig
import GatewayNet
import GatewayProxy

/// The command line. Without a subcommand the gateway serves, in the foreground.
@main
struct GatewayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "An edge gateway for APIs: TLS, weighted upstreams, metrics.",
        discussion: "SIGHUP reads the configuration anew, SIGTERM and SIGQUIT end after running requests, SIGUSR1 reopens the log files.",
        version: Version.text,
        subcommands: [Serve.self, Check.self, Directives.self, Key.self, Cache.self, Top.self],
        defaultSubcommand: Serve.self)
}

struct ConfigOption: ParsableArguments {
    @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration file.")
    var path = "gateway.conf"
}

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve by a configuration file. This is what happens without a subcommand.")

    @OptionGroup var config: ConfigOption

    func run() throws {
        TLSRecordMemory.keep()
        let supervisor: Supervisor
        do {
            supervisor = try Supervisor(configPath: config.path)
        } catch let refusal as StartRefusal {
            Console.error(refusal.text)
            throw ExitCode(1)
        }
        supervisor.run()
    }
}

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read a configuration file with its certificates and keys, and say what is wrong: exit status 0 or 1.")

    @OptionGroup var config: ConfigOption

    func run() throws {
        let result = ConfigLoader.load(path: config.path, environment: Environment.current)
        var diagnostics = result.diagnostics
        var isGood = false
        if let snapshot = result.snapshot {
            let certificates = Certificates(snapshot)
            diagnostics += certificates.diagnostics
            diagnostics += try Names.check(snapshot)
            isGood = !diagnostics.contains { $0.severity == .error }
        }
        for diagnostic in diagnostics { Console.error(diagnostic.text) }
        guard isGood else { throw ExitCode(1) }
        Console.output("\(config.path): the configuration is good")
    }
}

struct Directives: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the reference of the configuration language, in Markdown.")

    func run() {
        Console.output(DirectiveReference.markdown())
    }
}
