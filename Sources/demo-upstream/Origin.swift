import NIOCore
import NIOHTTP1
import NIOPosix

/// The listener: one event loop, HTTP/1.0 and HTTP/1.1 by NIO, so that the gateway is not tested against its own parser.
struct Origin {
    let settings: Settings

    func listen(host: String, port: Int) throws -> any Channel {
        let settings = settings
        return try ServerBootstrap(group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Bytes are read when there is room for what they cause, not when they come.
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 32 * 1024, high: 128 * 1024))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // NIO does not know that an answer to HEAD has no last chunk either, so the handler sets the framing.
                    var encoder = HTTPResponseEncoder.Configuration()
                    encoder.automaticallySetFramingHeaders = false
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withEncoderConfiguration: encoder)
                    try channel.pipeline.syncOperations.addHandler(ExchangeHandler(settings: settings))
                }
            }
            .bind(host: host, port: port)
            .wait()
    }
}
