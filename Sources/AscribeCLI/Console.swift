import Foundation

/// Standard output does not take the results.
struct OutputFailure: Error {
  let reason: String
}

/// What the program says beside its results, on standard error.
enum Console {
  /// Prints a line on standard error.
  static func note(_ text: String) { error(text + "\n") }

  /// Prints text on standard error, which may be closed.
  static func error(_ text: String) {
    Data(text.utf8).withUnsafeBytes { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }

  /// Sees to it that standard output has taken all results.
  ///
  /// - Throws: `OutputFailure`, say if the disk is full.
  static func finish() throws {
    guard fflush(nil) == 0 else { throw OutputFailure(reason: String(cString: strerror(errno))) }
  }

  /// Prints a value as JSON on standard output, keys sorted; numbers that JSON lacks become text.
  static func print(json value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    Swift.print(String(decoding: try encoder.encode(value), as: UTF8.self))
  }

  /// A number with so many significant digits, without an exponent where that is short.
  static func number(_ value: Double, digits: Int = 4) -> String {
    // The sign of zero and of what is no number says nothing.
    value.isNaN ? "nan" : String(format: "%.\(digits)g", value == 0 ? 0 : value)
  }

  /// A count with spaces between groups of three digits, as in `61 100 840`.
  static func count(_ value: Int) -> String {
    var digits = Array(String(value.magnitude))
    for position in stride(from: digits.count - 3, to: 0, by: -3) {
      digits.insert(" ", at: position)
    }
    return (value < 0 ? "-" : "") + String(digits)
  }

  /// A count of things, as in `1 sample` and `2 samples`.
  static func count(_ value: Int, _ thing: String) -> String {
    "\(count(value)) \(thing)\(value == 1 ? "" : "s")"
  }

  /// A count of bytes in binary units, as in `233.1 MiB`.
  static func bytes(_ value: Int) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB"]
    var (scaled, unit) = (Double(value), 0)
    while scaled >= 1024, unit < units.count - 1 { (scaled, unit) = (scaled / 1024, unit + 1) }
    return unit == 0 ? "\(value) bytes" : String(format: "%.1f %@", scaled, units[unit])
  }

  /// Rows whose columns are padded to equal width; the first is the heading.
  static func table(_ rows: [[String]], rightAligned: Set<Int> = []) -> String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    let lines = rows.map { row in
      row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return rightAligned.contains(column) ? padding + cell : cell + padding
      }.joined(separator: "  ").replacing(/\s+$/, with: "")
    }
    return lines.joined(separator: "\n")
  }
}
