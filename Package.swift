// swift-tools-version: 6.2
import PackageDescription

/// Checks stay on in every build: bounds, overflow, exclusivity. `grep unsafe` lists what a reader has to audit.
let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableExperimentalFeature("Lifetimes"),
]

/// Tests talk to the kernel as a hostile peer would, so they are not part of the audit list.
let tests: [SwiftSetting] = [.treatAllWarnings(as: .error)]

/// A layer of the gateway. It may import only what is named here, and `TidyTests` holds the sources to it.
func layer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
    name: "gateway",
    products: [
        .executable(name: "gateway", targets: ["gateway"]),
        .executable(name: "demo-upstream", targets: ["demo-upstream"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        // For demo-upstream alone: an HTTP implementation that is not the gateway's own.
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    ],
    targets: [
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        layer("GatewayCore", []),
        layer("GatewayNet", ["CLinux", "COpenSSL", "GatewayCore"]),
        layer("GatewayHTTP", ["CNghttp2", "CZlib", "GatewayCore"]),
        layer("GatewayConfig", ["GatewayCore"]),
        layer("GatewayPolicy", ["GatewayCore", "GatewayHTTP", "GatewayConfig"]),
        layer("GatewayCache", ["GatewayCore", "GatewayNet", "GatewayHTTP", "GatewayConfig"]),
        layer("GatewayTelemetry", ["GatewayCore", .product(name: "Logging", package: "swift-log")]),
        .target(name: "GatewayPages", resources: [.embedInCode("live.html")], swiftSettings: strict),
        layer(
            "GatewayProxy",
            [
                "GatewayCore", "GatewayNet", "GatewayHTTP", "GatewayConfig", "GatewayPolicy", "GatewayCache", "GatewayTelemetry",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "gateway",
            dependencies: [
                "CNghttp2", "CZlib",
                "GatewayCore", "GatewayNet", "GatewayHTTP", "GatewayConfig", "GatewayPolicy", "GatewayCache", "GatewayTelemetry",
                "GatewayProxy", "GatewayPages",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "demo-upstream",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        .systemLibrary(name: "CTestSupport", path: "Tests/CTestSupport"),
        .target(name: "TestSupport", dependencies: ["COpenSSL", "CTestSupport"], path: "Tests/TestSupport", swiftSettings: tests),
        .testTarget(name: "GatewayCoreTests", dependencies: ["GatewayCore"], swiftSettings: tests),
        .testTarget(name: "GatewayHTTPTests", dependencies: ["CNghttp2", "CZlib", "GatewayCore", "GatewayHTTP"], swiftSettings: tests),
        .testTarget(name: "GatewayConfigTests", dependencies: ["GatewayCore", "GatewayConfig"], swiftSettings: tests),
        .testTarget(name: "GatewayPolicyTests", dependencies: ["GatewayCore", "GatewayPolicy"], swiftSettings: tests),
        .testTarget(name: "GatewayCacheTests", dependencies: ["GatewayCore", "GatewayNet", "GatewayCache"], swiftSettings: tests),
        .testTarget(name: "GatewayTelemetryTests", dependencies: ["GatewayCore", "GatewayTelemetry"], swiftSettings: tests),
        .testTarget(
            name: "GatewayIntegrationTests",
            dependencies: ["CZlib", "TestSupport", "gateway", "demo-upstream"], swiftSettings: tests),
        .testTarget(name: "GatewayProgramTests", dependencies: ["GatewayTelemetry", "gateway"], swiftSettings: tests),
        .testTarget(name: "DemoUpstreamTests", dependencies: ["TestSupport", "demo-upstream"], swiftSettings: tests),
        .testTarget(name: "TidyTests", swiftSettings: tests),
    ],
    swiftLanguageModes: [.v6]
)

/// Only `make fuzz` asks for it, and builds it with -sanitize=fuzzer: without libFuzzer it does not link, and `swift build` and
/// `swift test` shall not have to.
if Context.environment["GATEWAY_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "CTestSupport", "GatewayCore", "GatewayHTTP", "GatewayConfig", "GatewayPolicy", "GatewayCache", "GatewayTelemetry",
            ],
            path: "Tests/Fuzz", exclude: ["corpus", "dictionaries"], swiftSettings: tests))
}

/// What cache keys cost: only `make bench` asks for it.
if Context.environment["GATEWAY_BENCH"] != nil {
    package.targets.append(
        .executableTarget(
            name: "canonical-bench", dependencies: ["GatewayCore", "GatewayNet", "GatewayCache"], path: "Tests/bench/canonical",
            swiftSettings: tests))
}
