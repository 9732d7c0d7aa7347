import GatewayCore
import Testing

@testable import GatewayConfig

@Suite struct ListenLimitTests {
    private func configuration(addresses: Int) -> String {
        let listens = (1...addresses).map { "listen \($0);\n" }.joined()
        // An address that another server has as well counts once.
        return "server { \(listens)return 200 a; }\nserver { listen 1; server_name b; return 200 b; }"
    }

    @Test func `a configuration has as many listen addresses as a worker has room for`() {
        #expect(messages(configuration(addresses: Limits.listenAddressesMax)).isEmpty)
    }

    @Test func `one listen address more is an error where it stands`() {
        let line = Limits.listenAddressesMax + 1
        #expect(
            messages(configuration(addresses: Limits.listenAddressesMax + 1)) == [
                "\(line):1: error: the servers listen on too many addresses"
            ])
    }
}
