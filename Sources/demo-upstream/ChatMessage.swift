/// A message of a conversation: both APIs take its content as a text or as a list of parts.
struct ChatMessage: Decodable {
    struct Content: Decodable {
        private struct Part: Decodable {
            let text: String?
        }

        let text: String

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let text = try? value.decode(String.self) {
                self.text = text
            } else {
                text = try value.decode([Part].self).compactMap(\.text).joined(separator: " ")
            }
        }
    }

    let role: String
    let content: Content?

    var text: String { content?.text ?? "" }
}
