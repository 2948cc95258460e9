import Attribution
import Foundation
import Graphs

/// The names of scores, and which scores a text means by them.
struct LabelNames {
  private let labels: [String]
  private let places: [String: [Int]]
  private let namesInside: [String: [Int]]
  /// The most commas in one label.
  let mostCommas: Int

  init(_ labels: [String]) {
    self.labels = labels
    var places: [String: [Int]] = [:]
    var inside: [String: [Int]] = [:]
    var mostCommas = 0
    for (index, label) in labels.enumerated() where !label.isEmpty {
      places[Self.normalized(label), default: []].append(index)
      for name in Set(Self.names(in: label).map { $0.lowercased() }) {
        inside[name, default: []].append(index)
      }
      mostCommas = max(mostCommas, label.count { $0 == "," })
    }
    self.places = places
    self.namesInside = inside
    self.mostCommas = mostCommas
  }

  /// The scores with this label, spaces around commas aside.
  func scores(labelled text: String) -> [Int] { places[Self.normalized(text)] ?? [] }

  /// The scores whose label holds `text` as a whole item of a comma-separated list of names, with or
  /// without a WordNet id in front.
  func scores(named text: String) -> [Int] { namesInside[text.lowercased()] ?? [] }

  /// The only score of this label, or of this name among those of a label.
  ///
  /// - Throws: `ModelError` with the nearest names if there is none, or if there are several.
  func score(of text: String) throws(ModelError) -> Int {
    let exact = scores(labelled: text)
    let found = exact.isEmpty ? scores(named: text) : exact
    guard let first = found.first else { throw unknown(text) }
    guard found.count == 1 else {
      let indices = found.prefix(4).map(String.init).joined(separator: ", ")
      throw ModelError(
        "label '\(text)' is that of scores \(indices)\(found.count > 4 ? ", ..." : ""); give the index",
        kind: .usage)
    }
    return first
  }

  /// Whether a name is near enough to a known one to be a slip.
  func isNearly(_ text: String) -> Bool { !Suggestion.names(for: text, among: known).isEmpty }

  /// The refusal of a name that no label has.
  func unknown(_ text: String) -> ModelError {
    guard !labels.isEmpty else {
      return ModelError(
        "no label is '\(text)'; name a file of labels with --labels", kind: .usage)
    }
    let hint = Suggestion.text(for: text, among: known)
    return ModelError(
      "no label is '\(text)'\(hint.isEmpty ? "; give another one, or an index" : hint)",
      kind: .usage)
  }

  private var known: [String] { labels.filter { !$0.isEmpty } + labels.flatMap(Self.names) }

  private static func names(in label: String) -> [String] {
    let isIdentified = label.range(of: "^n[0-9]{8} ", options: .regularExpression)
    let names = isIdentified.map { String(label[$0.upperBound...]) } ?? label
    return names.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
  }

  private static func normalized(_ text: String) -> String {
    text.split(separator: ",", omittingEmptySubsequences: false)
      .map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: ",")
  }
}
