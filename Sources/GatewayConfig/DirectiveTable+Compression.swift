extension DirectiveTable {
    static let compression = [
        Directive(
            "gzip", in: everyLevel, [.one("on|off", .toggle)], default: "off",
            "Whether responses are compressed for clients that accept gzip.", example: "gzip on;"),
        Directive(
            "gzip_types", in: everyLevel, [.list("TYPE", .mediaType)], default: "text/html",
            "The media types that are compressed, `*` for any: `text/html` always is, `text/event-stream` never.",
            example: "gzip_types application/json text/html;"),
        Directive(
            "gzip_min_length", in: everyLevel, [.one("SIZE", .size)], default: "20",
            "Content that says it is shorter than this is not compressed.", example: "gzip_min_length 1000;"),
        Directive(
            "gzip_comp_level", in: everyLevel, [.one("LEVEL", .number(1...9))], default: "1",
            "How much work goes into it: 1 is fast, 9 makes it smallest.", example: "gzip_comp_level 6;"),
        Directive(
            "gzip_memory", in: .main, [.one("SIZE", .size)], default: "128m",
            "What the encoders of one worker may take, 270 KB for each response that is being compressed and less for short ones; responses "
                + "that find no room go out as they are, and are counted.",
            example: "gzip_memory 128m;"),
    ]
}
