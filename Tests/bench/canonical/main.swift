import Glibc

// What it costs to bring the body of a request into canonical form and to make a cache key of it, beside SHA-256 alone: MB of the body
// in a second of one core's time. Build it with -c release. Argument: seconds for each figure.

let seconds = CommandLine.arguments.dropFirst().first.flatMap { Double($0) } ?? 0.5
var bench = CanonicalBench(seconds: seconds)
for (name, body) in Bodies.all {
    let speed = bench.measure(body)
    print(
        "\(name), \(body.count) bytes: canonical form \(speed.form) MB/s, form and key \(speed.key) MB/s, SHA-256 alone \(speed.hash) MB/s")
}
