import ArgumentParser
import Foundation
import NIOCore

/// A small origin that speaks the shapes of OpenAI's and Anthropic's APIs, streams included, for the README and the tests.
///
/// Its answers depend on the request alone: the same request gets the same bytes from every instance, save for the version's name.
@main
struct DemoUpstream: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo-upstream",
        abstract: "A small origin that speaks the shapes of AI APIs.",
        discussion: """
            A request may ask for its own latency (X-Demo-Latency: 200ms) and status (X-Demo-Status: 503).
            Endpoints: /v1/models, /v1/chat/completions, /v1/responses, /v1/messages, /health, /echo, /headers,
            /events?count=N&interval=50ms, /bytes?count=N, /status/NNN.
            """)

    @Option(help: "The port; 0 takes a free one.")
    var port: Int

    @Option(help: "The address.")
    var host = "127.0.0.1"

    @Option(help: "The version's name, in X-Version of every answer.")
    var name = "stable"

    @Option(help: "The time before an answer begins.")
    var latency = Delay(milliseconds: 0)

    @Option(help: "The share of requests that get 503, decided by a hash of the request.")
    var failureRate = Share(fraction: 0)

    @Option(help: "The time between two events of a stream.")
    var eventInterval = Delay(milliseconds: 20)

    func run() throws {
        let settings = Settings(name: name, latency: latency, failureShare: failureRate, eventInterval: eventInterval)
        endOnSignals()
        let channel = try listen(Origin(settings: settings))
        let address = channel.localAddress?.port.map { "\(host):\($0)" } ?? host
        try FileHandle.standardOutput.write(contentsOf: Data("demo-upstream \(name) listening on \(address)\n".utf8))
        try channel.closeFuture.wait()
    }

    private func listen(_ origin: Origin) throws -> any Channel {
        do {
            return try origin.listen(host: host, port: port)
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw ValidationError("Port \(port) of \(host) is taken by another program.")
        }
    }

    /// SIGTERM and SIGINT end the program with status 0, whatever streams run.
    ///
    /// `_exit` may be called from a handler (signal-safety(7)), and the handler stands when this returns: a dispatch source is
    /// registered some time after `resume`, and what comes before that is lost.
    private func endOnSignals() {
        for number in [SIGTERM, SIGINT] { signal(number) { _ in _exit(0) } }
    }
}
