import Foundation
import Graphs
import Tensors

/// Samples that are rows of an array.
extension DataSet {
  static func array(
    _ path: String, _ classes: ClassNames
  ) throws -> (rows: NPYRows, entries: [Entry]) {
    let rows = try NPYRows(contentsOf: path)
    let beside = URL(filePath: path).deletingPathExtension().path + ".labels.npy"
    var labels: [Int]?
    if FileManager.default.fileExists(atPath: beside) {
      labels = try Self.labels(beside)
      guard labels?.count == rows.count else {
        throw ModelError(
          "it holds \(labels?.count ?? 0) labels for \(rows.count) samples", file: beside)
      }
    }
    return (rows, entries(of: rows, labels))
  }

  static func entries(of rows: NPYRows, _ labels: [Int]? = nil) -> [Entry] {
    (0..<rows.count).map { row in
      Entry(name: String(format: "row-%06d", row), label: labels?[row], place: .row(row))
    }
  }

  private static func labels(_ path: String) throws(ModelError) -> [Int] {
    let tensor: Tensor
    do {
      tensor = try Tensor(npy: try fileBytes(path, limit: 1 << 30))
    } catch {
      throw ModelError("\(error)", file: path)
    }
    guard tensor.shape.rank == 1, !tensor.elementType.isFloatingPoint, tensor.elementType != .bool
    else { throw ModelError("labels are a vector of integers, not \(tensor)", file: path) }
    let labels = tensor.converted(to: .int64).elements(as: Int64.self).map { Int($0) }
    guard labels.allSatisfy({ $0 >= 0 }) else {
      throw ModelError("a label is negative", file: path)
    }
    return labels
  }
}

/// Samples that are lines of text: a label, a tab, and numbers separated by spaces or commas; without a
/// tab, numbers alone.
extension DataSet {
  static func lines(_ path: String, _ classes: ClassNames) throws -> [Entry] {
    let parts = try numberedLines(path).map { number, line in
      (number, line.split(separator: "\t", maxSplits: 1, omittingEmptySubsequences: false))
    }
    let labelled = parts.count { $0.1.count == 2 }
    guard labelled == 0 || labelled == parts.count else {
      let number = parts.first { $0.1.count == 1 }?.0 ?? 0
      throw ModelError("line \(number) has no label and no tab, others have")
    }
    let indices =
      labelled == 0
      ? [:] : try classes.reading(of: Set(parts.compactMap { $0.1.first.map(String.init) })).indices
    return parts.map { number, fields in
      Entry(
        name: lineName(number), label: labelled == 0 ? nil : indices[String(fields[0])],
        place: .numbers(String(fields[fields.count - 1])))
    }
  }

  /// Lines of numbers without labels.
  static func lines(ofNumbers path: String) throws -> [Entry] {
    try numberedLines(path).map { number, line in
      Entry(name: lineName(number), label: nil, place: .numbers(String(line)))
    }
  }

  private static func lineName(_ number: Int) -> String { String(format: "line-%06d", number) }

  /// The lines of a file that are not blank, and their numbers.
  private static func numberedLines(
    _ path: String
  ) throws(ModelError) -> [(number: Int, line: String)] {
    let bytes: [UInt8]
    do throws(FileFailure) {
      bytes = try fileBytes(path, limit: 1 << 32)
    } catch {
      throw ModelError("the file cannot be read: \(error.reason)", kind: .noInput)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ModelError("the file is not UTF-8 text")
    }
    return text.trimmingPrefix("\u{FEFF}").split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline
    )
    .enumerated().filter { !$1.allSatisfy(\.isWhitespace) }.map { ($0 + 1, String($1)) }
  }

  /// Numbers that are no decimal ones, as NumPy writes them.
  private static let infinities: [String: Double] = [
    "inf": .infinity, "+inf": .infinity, "-inf": -.infinity,
  ]

  /// What decimal numbers are written with; `Double` reads hexadecimal ones too.
  private static let decimal = Set("0123456789+-.eE".utf8)

  static func numbers(in text: String) throws(ModelError) -> [Double] {
    var numbers: [Double] = []
    for word in text.split(whereSeparator: { $0 == " " || $0 == "," || $0 == "\t" }) {
      if let infinity = infinities[word.lowercased()] {
        numbers.append(infinity)
        continue
      }
      guard word.utf8.allSatisfy(decimal.contains), let number = Double(word), number.isFinite
      else {
        throw ModelError(
          "'\(word.prefix(40))' is no number; a line holds numbers, such as the ids of tokens")
      }
      numbers.append(number)
    }
    guard !numbers.isEmpty else {
      throw ModelError("the line has no numbers; a line holds some, such as the ids of tokens")
    }
    return numbers
  }
}
