import GatewayCore

/// A directive's arguments, read. What was missing or wrong has no value; that was reported then.
struct Arguments: Sendable {
    struct Item: Sendable {
        let label: String
        let value: Value
        let word: Word
    }

    let directive: Directive
    var items: [Item] = []

    /// Whether a flag or a mark is there.
    func has(_ label: String) -> Bool { !items(label).isEmpty }

    /// Where the argument is written; the first one without a label.
    func word(_ label: String? = nil) -> Word? { items(label).first?.word }

    func number(_ label: String? = nil) -> Int? {
        guard case .number(let number) = items(label).first?.value else { return nil }
        return number
    }

    func text(_ label: String? = nil) -> String? {
        guard case .text(let text) = items(label).first?.value else { return nil }
        return text
    }

    func toggle(_ label: String? = nil) -> Bool? {
        guard case .toggle(let isOn) = items(label).first?.value else { return nil }
        return isOn
    }

    func address() -> ListenAddress? {
        guard case .address(let address) = items.first?.value else { return nil }
        return address
    }

    func endpoint() -> Endpoint? {
        guard case .endpoint(let endpoint) = items.first?.value else { return nil }
        return endpoint
    }

    func proxyTarget() -> ProxyTarget? {
        guard case .proxyTarget(let target) = items.first?.value else { return nil }
        return target
    }

    func field(_ label: String) -> FieldConfig? {
        guard case .field(let field) = items(label).first?.value else { return nil }
        return field
    }

    func digest(_ label: String) -> SHA256Digest? {
        guard case .digest(let digest) = items(label).first?.value else { return nil }
        return digest
    }

    func rate(_ label: String) -> RateReader.Rate? {
        guard case .rate(let rate) = items(label).first?.value else { return nil }
        return rate
    }

    func limitKey(_ label: String) -> RateReader.LimitKey? {
        guard case .limitKey(let key) = items(label).first?.value else { return nil }
        return key
    }

    func template(_ label: String) -> Template? {
        guard case .template(let template) = items(label).first?.value else { return nil }
        return template
    }

    /// Of a list of words, or of a list of lists.
    func texts(_ label: String? = nil) -> [String] {
        items(label).flatMap { item -> [String] in
            switch item.value {
            case .text(let text): [text]
            case .texts(let texts): texts
            default: []
            }
        }
    }

    func networks() -> [CIDRBlock] {
        items.flatMap { item -> [CIDRBlock] in
            switch item.value {
            case .network(let network): [network]
            case .networks(let networks): networks
            default: []
            }
        }
    }

    func stickyKey() -> StickyKey? {
        guard case .stickyKey(let key) = items.first?.value else { return nil }
        return key
    }

    private func items(_ label: String?) -> [Item] {
        guard let label else { return items }
        precondition(directive.arguments.contains { $0.label == label }, "\(directive.name) declares no \(label)")
        return items.filter { $0.label == label }
    }
}
