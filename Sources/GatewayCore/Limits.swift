/// Every fixed bound of the gateway, its unit in its name, its reason beside it. What an operator may want
/// different is a directive instead, and its default stands in the table of directives.
public enum Limits {
    // MARK: Heads

    /// nginx's large_client_header_buffers default: longer URLs are mistakes or attacks. 414.
    public static let requestLineBytesMax = 8 * 1024
    /// A head with several large cookies and tokens fits; what is larger is refused with 431.
    public static let headBytesMax = 32 * 1024
    /// Browsers send about 20. 431.
    public static let headFieldsMax = 100
    /// A page's origin: a host name with a scheme and a port. No longer one is looked at.
    public static let originBytesMax = 320
    /// Fields that a preflight may ask for: no more fit into a head.
    public static let preflightHeadersMax = headFieldsMax
    /// Trailers are rare and small.
    public static let trailerBytesMax = 8 * 1024
    /// Interim (1xx) answers before the final one; an origin that sends more is broken.
    public static let interimResponsesMax = 8
    /// A chunk-size line: 16 hexadecimal digits and a short extension (RFC 9112 § 7.1.1 asks for a limit).
    public static let chunkLineBytesMax = 256

    // MARK: Traces

    /// What all lines of tracestate say together: so much everybody passes on, and nobody has to take more (W3C Trace Context § 3.3.1.5).
    public static let traceStateBytesMax = 512
    /// Members of tracestate (W3C Trace Context § 3.3.1.1).
    public static let traceStateMembersMax = 32
    /// A member's key, and its value (W3C Trace Context § 3.3.1.3).
    public static let traceStateWordBytesMax = 256

    /// Spans are gathered at least so long: one message each would be dearer than the requests that they tell of.
    public static let spanIntervalMinMs = 100
    /// Of a path, a query or any other text in a span so much is told.
    public static let spanTextBytesMax = 1024
    /// What a span takes unless its texts are long: as much is kept free behind the others.
    public static let spanBytes = 4 * 1024
    /// So much of spans is made before it is copied: three or four of them, which stay in a core's first cache and drive little out of it.
    public static let spanPieceBytes = 2 * 1024
    /// A worker hands its spans on when so much has come: some hundred of them, and seldom more than one lock of the queue a millisecond.
    public static let spanBufferBytes = 64 * 1024
    /// ... or so long after the first.
    public static let spanBufferMs = 250
    /// So much is sent without waiting for `interval`: some eight hundred spans; OpenTelemetry's own exporters send five hundred.
    public static let spanRequestBytes = 512 * 1024
    /// A request to a collector: most take 4 MB or more.
    public static let spanRequestBytesMax = 1024 * 1024
    /// Spans that wait for a collector that is slow, for all workers together; what comes beyond is dropped.
    public static let spanQueueBytesMax = 8 * 1024 * 1024
    /// Buffers of `spanBufferBytes` that are kept for the next spans: those of two requests to a collector.
    public static let spanSparesMax = 32
    /// OTEL_EXPORTER_OTLP_TIMEOUT's default.
    public static let spanRequestMs = 10_000
    /// How often the same spans are sent, waiting so long after the first time, twice as long each further time, and never longer.
    public static let spanAttemptsMax = 5
    public static let spanRetryMs = 1_000
    public static let spanRetryMsMax = 60_000
    /// What is read of a collector's answer: it says how many spans were rejected, and why.
    public static let spanAnswerBytesMax = 4 * 1024
    /// At the end of the process what waits may be sent for so long.
    public static let spanEndMs = 2_000

    // MARK: PROXY protocol

    /// A line of version 1 with its end: the longest that the protocol knows.
    public static let proxyLineBytesMax = 107
    /// A header of version 2, as nginx bounds it: addresses take 52 bytes at the most, the rest is what a proxy has to tell besides.
    public static let proxyHeaderBytesMax = 4 * 1024

    // MARK: TLS

    /// The name in a client's TLS hello: no host name is longer (RFC 1035 § 2.3.4, without the final dot).
    public static let serverNameBytesMax = 253
    /// KeyUpdates of a connection at once (BoringSSL takes as many in a row), and one more with every second: keys are good for
    /// gigabytes, so nobody who means well comes near it.
    public static let keyUpdatesBurst = 32

    // MARK: HTTP/2

    /// Requests of a connection at a time: what RFC 9113 § 6.5.2 recommends at the least, and all servers give.
    public static let http2StreamsMax = 100
    /// What a peer may send on a stream before it was taken: the protocol's own default, a few round trips of a fast line.
    public static let http2StreamWindowBytes = 65_535
    /// SETTINGS_MAX_FRAME_SIZE as it is where nobody says another (RFC 9113 § 6.5.2): a TLS record's size.
    public static let http2FrameBytesMax = 16_384
    /// And on all streams of a connection together: several streams at full speed, and the most that waits in those of a client's. What was
    /// taken from them for origins that don't read waits beside it: see ``outputHighBytes``.
    /// What has come from an origin for clients that don't read is bounded by its streams alone, so that they don't stop the others.
    public static let http2ConnectionWindowBytes = 1024 * 1024
    /// Heads and trailers, decoded, of all requests of a connection together: references into HPACK's table make 32 KB of some dozens of
    /// bytes, a hundred times. An average of 10 KB for 100 requests at a time, several times what browsers with many cookies send.
    public static let http2HeadBytesMax = 1024 * 1024
    /// Small blocks of nghttp2's that a worker keeps for reuse: 1 KB for each of some hundreds of streams.
    public static let http2KeptBytesMax = 512 * 1024
    /// Numbers of closed streams that a connection remembers, and how they were closed. A client has so many at the most that it may
    /// not know yet to be closed: those open, and those that it opened as answers to others came in.
    public static let http2ClosedStreamsMax = 256
    /// CONTINUATION frames of a block: heads of the largest size need two (the same as nghttp2's own since its 1.61).
    public static let http2ContinuationsMax = 8
    /// Answers to PING and SETTINGS that wait for a peer that does not read; nghttp2 and Envoy hold 1000.
    public static let http2UnreadAnswersMax = 100

    // Budgets: so many at once, and so many more with every second. See ``HTTP2Flood`` for what each counts.

    /// As nghttp2 since 1.57. A browser takes back all its streams, 100, when a page is left; a proxy for many clients does so often.
    public static let http2RapidResetsBurst = 1_000
    public static let http2RapidResetsPerS = 33
    /// As nghttp2 counts what it calls glitches, since 1.65: a proxy may pass on the mistakes of many clients.
    public static let http2ProvokedResetsBurst = 1_000
    public static let http2ProvokedResetsPerS = 33
    /// Clients may exceed MAX_CONCURRENT_STREAMS only as long as they don't know it: all that they send in their first round trip.
    public static let http2RefusedStreamsBurst = 1_000
    public static let http2RefusedStreamsPerS = 10
    /// Clients change their settings at the start, and windows now and then.
    public static let http2SettingsBurst = 50
    public static let http2SettingsPerS = 5
    /// gRPC measures its line with a PING per round trip while data flows; keep-alives are seconds apart.
    public static let http2PingsBurst = 500
    public static let http2PingsPerS = 200
    /// A client may end its data in a frame of its own, which does not count: all others are useless. Envoy allows one in a row.
    public static let http2EmptyDataBurst = 100
    public static let http2EmptyDataPerS = 20
    /// Old clients build a tree of priorities at the start, and set one with each request. Envoy allows 100 per stream.
    public static let http2PrioritiesBurst = 1_000
    public static let http2PrioritiesPerS = 100
    /// GREASE (RFC 8701) is a few frames.
    public static let http2UnknownFramesBurst = 100
    public static let http2UnknownFramesPerS = 20
    /// What is on its way on a stream that was just closed: a window's worth of small frames, of several streams.
    public static let http2LateFramesBurst = 10_000
    public static let http2LateFramesPerS = 1_000
    /// So many bytes of a head on such a stream count as one frame: most answers that come late fit in two or three.
    public static let http2LateHeadBytesPerFrame = 256
    /// What an origin may have sent on a stream before it heard of our RST_STREAM costs nothing: a window's worth of frames of the same
    /// size, an answer's heads, and its own RST_STREAM.
    public static let http2LateFramesPerReset = 320
    /// And on all of them together, as long as none of it has come: of thousands of clients that leave within a moment.
    public static let http2LateFramesOwedMax = 100_000
    /// A first raise for each of 100 streams, several times over ...
    public static let http2WindowUpdatesBurst = 1_000
    public static let http2WindowUpdatesPerS = 100
    /// ... and so many more for each DATA frame that was sent: Envoy's measure. Clients answer each with one for the stream and one for the
    /// connection.
    public static let http2WindowUpdatesPerData = 10
    /// Of a frame that its window cut short no more than one for so many bytes: the smallest windows of embedded clients have a kilobyte.
    public static let http2BytesPerWindowUpdate = 128
    /// Fields without a value are rare but proper.
    public static let http2EmptyFieldsBurst = 1_000
    public static let http2EmptyFieldsPerS = 200
    /// ... and some in every head or trailers: gRPC's servers send an empty grpc-message with each answer.
    public static let http2EmptyFieldsPerHead = 4
    /// Fields that are decoded and dropped: one frame full of references to HPACK's table is answered with 431, the next ends the
    /// connection ...
    public static let http2VainFieldsBurst = 20_000
    public static let http2VainFieldsPerS = 1_000
    /// ... and what stands behind the mistake of an ordinary head costs nothing.
    public static let http2VainFieldsPerHead = 100
    /// So many of them take as long as a head, in a connection's turn.
    public static let http2FieldsPerTurnHead = 128

    /// Room in a worker's table of streams, on both sides.
    public static let streamSlotsMax = 1 << 20
    /// A stream's output waiting for its window or its connection: from this mark on the other side is no longer read. With the read that
    /// reaches it that is one stream window, and a buffer of as much: all that a slow reader holds.
    public static let streamOutputHighBytes = http2StreamWindowBytes + 1 - readBytes

    // MARK: Callers

    /// Of an IPv6 address, what `sticky key=ip` knows a caller by: one customer has all of such a network, and its devices change the rest.
    public static let stickyPrefixBits = 64
    /// A key that a client shows: random keys have some 64 bytes, signed tokens several hundred. Longer ones are no key, and not hashed.
    public static let apiKeyBytesMax = 2 * 1024
    /// Names of API keys that have a counter of their own; those of further ones share one, so that keys by the thousand don't crowd
    /// out the other metrics.
    public static let apiKeySeriesMax = 1_000
    /// Callers that a `rate_limit` by address or field counts apart, where `callers=` says nothing: 32 MB once so many are there at a time.
    public static let rateCallersMax = 1 << 20
    /// What `callers=` may be at the most: half a gigabyte.
    public static let rateCallersBound = 1 << 24
    /// Parts of a limit's table with a lock each: so many that workers seldom wait for one another.
    public static let bucketShards = 256
    /// A bucket that takes longer to fill up is a mistake of the unit.
    public static let bucketFillMsMax = 400 * 86_400_000
    /// Limits that one request meets: people have two or three. Each costs some hundred nanoseconds.
    public static let rateLimitsPerRequestMax = 16

    // MARK: Buffers

    /// One TLS record's worth: what a connection reads at a time.
    public static let readBytes = 16 * 1024
    /// What is read at a time from a plain socket once a turn has brought that much: long bodies then take a quarter of the system
    /// calls. TLS gives a record at a time, whatever room there is for it.
    public static let longReadBytes = 64 * 1024
    /// Output waiting for a slow reader: from this mark on the other side is no longer read.
    public static let outputHighBytes = 64 * 1024
    /// Output that the kernel takes beyond what a client has a window for (TCP_NOTSENT_LOWAT, tcp(7)). Without it a slow reader holds
    /// whatever net.ipv4.tcp_wmem allows, 4 MB, and a few hundred of them all memory that TCP may have.
    public static let unsentBytesMax = 256 * 1024
    /// A full TLS record is written at once, rather than at the end of the round.
    public static let flushBytes = 16 * 1024
    /// What a connection may move before the others have their turn.
    public static let turnBytesMax = 256 * 1024
    /// Heads that are parsed before the others have their turn, when requests are pipelined: about half a millisecond.
    public static let headsPerTurn = 64
    /// ... and what connections that are ready at the same time share of them in a round of the loop, each having one at least. With a
    /// connection to an origin for each that is some fifty milliseconds; fifty clients with ten streams each notice nothing of it.
    public static let headsPerRound = 512
    /// What a worker keeps of freed buffers.
    public static let pooledBytesMax = 8 * 1024 * 1024

    // MARK: Compression

    /// What `gzip_memory` may be at the least: a few encoders, 270 KB each where the length of the content isn't known.
    public static let gzipBytesMin = 1024 * 1024
    /// A worker's encoders that wait for the next response.
    public static let gzipIdleBytesMax = 4 * 1024 * 1024
    /// Room for what an encoder gives at a time.
    public static let gzipOutputBytes = 8 * 1024
    /// What a worker compresses in one round of its loop, for all connections together, in bytes at level 1; at higher levels a byte
    /// counts for more: see `GzipTurns`. A fraction of a millisecond of work with most content, one to three with the worst.
    public static let gzipRoundBytesMax = 32 * 1024
    /// What it compresses at least at a time, so that a chunk's line and some of its data always fit.
    public static let gzipPieceBytesMin = 512

    // MARK: The loop

    /// Room in a worker's tables of connections and exchanges: the most that `worker_connections`, the limit that operators set, may be.
    public static let slabSlotsMax = 1 << 20
    /// Events taken from epoll at a time.
    public static let eventsPerWait = 256
    /// Milliseconds for which timers that are due end what they are for, at least, before the connections have their turn.
    public static let timersMsPerRound = 5
    /// Requests beyond `request_timeout` that end before the connections have their turn.
    public static let lateRequestsPerRound = 128
    /// Connections accepted before those that are open have their turn.
    public static let acceptsPerTurn = 64

    /// Descriptors that clients leave to connections to origins, logs and reloads: an eighth of what the process may open, within these
    /// bounds. Without them a client that was let in would find no connection to its origin.
    public static let reservedDescriptorsMin = 16
    public static let reservedDescriptorsMax = 1_024
    /// Of them connections to origins leave a few to the admin listener.
    public static let adminDescriptors = 4
    /// Addresses whose handshakes are counted at a time: a table of some 5 MB at the most.
    public static let rateAddressesMax = 64 * 1024
    /// Of `worker_connections` clients leave one in so many to connections to origins, for the same reason.
    public static let originConnectionsShare = 8
    /// Clients looked at for one that is idle: each costs a system call, and only those that have sent something in this moment are not.
    public static let evictionAttemptsMax = 64
    /// Clients refused for want of room that stay, beyond `worker_connections`, until they have read why: see ``lingerMs``. A few
    /// dozens are the ordinary overload; a flood of them gets its answer and a close at once.
    public static let refusedLingeringMax = 64
    /// Retry-After of what is refused for want of room, in seconds: longer than a moment's peak.
    public static let retryAfterS = 2
    /// What happens to connections is logged, by reason, at most this often: a flood of them is no flood of lines.
    public static let connectionLogMs = 10_000
    /// Servers and reasons of failed attempts whose lines are told apart; more fail at a time only when everything does.
    public static let originFailuresMax = 4_096
    /// When accepting failed for want of descriptors, it is tried again after so long, or when a connection ends.
    public static let acceptRetryMs = 100

    /// Requests are looked through for those beyond `request_timeout` at most this often.
    public static let requestSweepMs = 50

    // MARK: Endings

    /// After an early refusal the rest of the request is read and dropped, so that the answer is not lost to a
    /// reset: for so long, and so much (nginx's lingering_timeout; RFC 9112 § 9.6).
    public static let lingerMs = 2_000
    public static let lingerBytesMax = 256 * 1024
    /// Connections that are idle when the gateway drains have so long to send a request that is already on its way.
    public static let drainGraceMs = 250
    /// After so long no worker has a socket of a listener any more that a reload has taken away: `drainGraceMs`, and what a busy worker
    /// may be late.
    public static let listenerClosingMs = 2_000
    /// A connection that has had no request yet was opened to send one: it has this long.
    public static let drainFirstRequestMs = 2_000
    /// A client that ends its side this soon behind its request may be one that only half-closes ...
    public static let halfCloseWindowMs = 100
    /// ... and gets its answer as long as no pause in it is longer than this; later, the end of its side means it has gone.
    public static let halfCloseGraceMs = 1_000

    // MARK: Upstreams

    /// Servers tried for one request, whatever `retry` says.
    public static let attemptsMax = 8
    /// Request bytes kept until the first byte of the answer, so that a retry can send them again.
    public static let replayBytesMax = 64 * 1024
    /// Sessions that an origin may offer for resumption on one connection: OpenSSL's servers send two, and what sends more floods.
    public static let sessionsPerConnectionMax = 4
    /// Sessions that a worker keeps of one address of a server: a burst of new connections resumes so many.
    public static let sessionsPerEndpointMax = 8
    /// A certificate is not looked at when a session is resumed: after so long there is a full handshake again.
    public static let sessionAgeMs = 3_600_000
    /// The same for the connections and sessions of clients that have shown a certificate.
    public static let clientCertificateAgeMs = 3_600_000
    /// Of a name in a client's certificate, as text: it becomes a header field. Certificates with longer ones are refused, and logged
    /// with so much of them.
    public static let certificateNameBytesMax = 4 * 1024

    // MARK: Upstreams over HTTP/2

    /// How many requests a connection to an origin is expected to carry before its SETTINGS have said so: the least that RFC 9113
    /// (§ 6.5.2) recommends to allow, and what most servers do. So many wait for one connection; more open another.
    public static let originStreamsExpected = 100
    /// An origin that owes an answer and has been silent for so long is asked by PING whether it is there ...
    public static let originSilenceMs = 15_000
    /// ... and taken for dead when nothing comes for so long: no healthy one waits that long with the answer.
    public static let originPongMs = 10_000
    /// It is asked again after so long at the earliest: gRPC's servers end connections that ask more often.
    public static let originPingIntervalMs = 300_000

    // MARK: Names

    /// How long the start, a reload and `gateway check` wait for names that have had no answer yet: what a healthy resolver needs many
    /// times over, and short enough for who waits. Servers whose names come later have their addresses from then on.
    public static let firstLookupWaitMs = 2_000
    /// Lookups that run at a time, each on a thread of its own.
    public static let lookupsMax = 32
    /// Of those, how many may be for names whose last lookup failed: names that are dead for long leave room for the others.
    public static let lookupsOfFailedNamesMax = 16
    /// And how many for those together with names that have never had an answer: they leave room for names that have addresses.
    public static let lookupsOfDoubtfulNamesMax = 24
    /// What `resolve_interval` may be at the least: more often than this asks the resolver for nothing.
    public static let resolveIntervalMinMs = 100
    /// A name without any address is looked up again after so long, if `resolve_interval` is longer: its requests fail meanwhile.
    public static let unresolvedRetryMs = 1_000
    /// Failed lookups of one name are logged at most this often; each is counted.
    public static let lookupWarningIntervalMs = 60_000
    /// When names change in quick succession, workers get the new addresses this often: each time they go through all servers.
    public static let endpointTableIntervalMs = 100
    /// Addresses of one name: more than any answer in practice, and a bound for an answer that comes over TCP.
    public static let addressesPerNameMax = 1024
    /// An address that could not be connected to is tried after the others of its name for so long (nginx's fail_timeout).
    public static let addressAvoidanceMs = 10_000

    // MARK: Health

    /// The longest that failures put a server out for, as in Envoy, unless `eject` itself says more.
    public static let ejectionMsMax = 300_000
    /// Health checks under way at a time, each a descriptor: thousands of addresses are checked within a second nevertheless. One for which
    /// there is no place waits so long.
    public static let healthProbesMax = 256
    public static let healthProbeRetryMs = 100
    /// What `retry budget=` counts as lately: with half of the window before, about ten seconds, as in Finagle.
    public static let retryWindowMs = 5_000

    // MARK: Configuration

    /// A file of CA certificates or revocations: the bundle of a system has a quarter of a megabyte, lists of large authorities some.
    public static let certificateFileBytesMax = 32 * 1024 * 1024

    /// Of one file: far more than people write, and little enough to hold many of them.
    public static let configFileBytesMax = 1024 * 1024
    /// How often the flag files of `maintenance` are looked at: they are promised to be seen within a second.
    public static let maintenanceLookMs = 400
    /// A page that the gateway serves by itself. Slow readers of HTTP/2 share it; of HTTP/1, each connection holds one.
    public static let pageBytesMax = 256 * 1024
    /// A text of `return` with variables, without their values: it is made anew for each reader, however slow.
    public static let returnTemplateBytesMax = 32 * 1024
    /// How long the writer of a configuration that comes through a pipe may pause: `check` has all the time, a reload has not.
    public static let configPipeWaitMs = 2_000
    /// What the admin listener shows of all files of a configuration together.
    public static let configSourceBytesMax = 1024 * 1024
    /// Files that includes bring, in all.
    public static let configFilesMax = 1000
    /// Includes within includes; also the end of a circle that links hide.
    public static let configIncludeDepthMax = 16
    /// Blocks within blocks: the language needs three.
    public static let configBlockDepthMax = 16
    /// What is wrong beyond this is the same mistake again.
    public static let configDiagnosticsMax = 200
    /// Different addresses that the servers of a configuration listen on: each is a socket for each worker.
    public static let listenAddressesMax = 2048

    // MARK: Reload

    /// Snapshots that long exchanges may hold besides the current one; when a further reload comes, the exchanges
    /// of the oldest are ended.
    public static let snapshotsMax = 16
    /// Room in a worker's table of snapshots: those, the current one, and the next, which comes before the oldest goes.
    public static let snapshotSlotsMax = snapshotsMax + 2
    /// Room in a worker's table of listeners: a reload may replace all of them, and opens the new ones before it closes the old.
    public static let listenerSlotsMax = 2 * listenAddressesMax

    // MARK: The admin listener

    /// Its clients are few: Prometheus, a balancer, an operator with some windows.
    public static let adminConnectionsMax = 64
    /// A client has so long for all of its requests.
    public static let adminConnectionMs = 60_000
    /// Who takes nothing of its answer for so long makes room, when another wants its place: longer than a lost packet takes to come again.
    public static let adminStallMs = 2_000

    // MARK: The live page

    /// Readers of `/events` at a time: an operations room with its screens. They leave most places of the admin listener to those that ask
    /// and go.
    public static let eventStreamsMax = 16
    /// How often they are told.
    public static let eventIntervalMs = 1_000
    /// How often a reading is kept for those who come later ...
    public static let pastIntervalMs = 5_000
    /// ... at most a hundredth of the main thread's time, with hundreds of thousands of series ...
    public static let pastShare = 100
    /// ... how long it is kept: the five minutes that the page shows ...
    public static let pastMs = 300_000
    /// ... and what all of them may take, and a new reader is sent at once: 60 readings with some 40 upstreams. Of larger ones fewer are kept.
    public static let pastBytesMax = 1024 * 1024
    /// A reader that takes nothing for so long has gone, or sleeps: it asks anew when it is back.
    public static let eventStallMs = 10_000
    /// Rates that make the sentence of the live page are those of the last moments: short enough to be news, long enough for a few hundred
    /// requests.
    public static let verdictWindowMs = 10_000

    // MARK: Telemetry

    /// The name of a model, as it is told in logs and counters.
    public static let modelNameBytesMax = 128
    /// Models that have counters of their own. The names are the origins', and clients may have them say any: those of further ones share
    /// one. A provider has some dozens.
    public static let modelSeriesMax = 100
    /// Cells of eight bytes for the counters of a thread; only pages in use take memory. A location takes 780, and each pair of method and
    /// status that it has answered 39, with tracing 209: some 4000 locations with six pairs, or 2000 with tracing, former ones included.
    public static let metricCellsMax = 4 * 1024 * 1024
    /// Series beyond those that are told apart: what is refused beyond these counts each time it is asked for.
    public static let metricRefusedMax = 16_384
    /// Of the same line of the operational log so many are said in a period, and the others counted: five a second are read by nobody.
    public static let logRepeatsMax = 50
    public static let logRepeatMs = 10_000
    /// Messages, by the places they come from, that are told apart: more than the program has.
    public static let logRepeatPlacesMax = 256
    /// Lines waiting for a log's destination: some ten thousand, a short stall at full load. What comes then is dropped and counted.
    public static let logQueueBytesMax = 4 * 1024 * 1024
    /// A worker hands its lines over when they fill this ...
    public static let logBufferBytes = 128 * 1024
    /// So much of lines is made before it is copied: a handful of them, which stay in a core's first cache.
    public static let logPieceBytes = 2 * 1024
    /// ... or when the oldest has waited so long: a reader of the log should not notice.
    public static let logBufferMs = 50
    /// At the end a log's destination has so long to take what waits.
    public static let logCloseMs = 2_000
}
