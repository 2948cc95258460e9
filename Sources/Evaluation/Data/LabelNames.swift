import Attribution
import Foundation
package import Graphs

/// The names of scores, and which scores a text means by them.
package struct LabelNames {
  private let labels: [String]
  private let places: [String: [Int]]
  private let namesInside: [String: [Int]]
  private let identifiers: [String: [Int]]
  /// The most commas in one label.
  package let mostCommas: Int

  /// - Parameter labels: one for each score; empty where a score has none.
  package init(_ labels: [String]) {
    self.labels = labels
    var places: [String: [Int]] = [:]
    var inside: [String: [Int]] = [:]
    var identifiers: [String: [Int]] = [:]
    var mostCommas = 0
    for (index, label) in labels.enumerated() where !label.isEmpty {
      places[Self.normalized(label), default: []].append(index)
      for name in Set(Self.names(in: label).map { $0.lowercased() }) {
        inside[name, default: []].append(index)
      }
      if let identifier = Self.identifier(of: label) {
        identifiers[identifier, default: []].append(index)
      }
      mostCommas = max(mostCommas, label.count { $0 == "," })
    }
    self.places = places
    self.namesInside = inside
    self.identifiers = identifiers
    self.mostCommas = mostCommas
  }

  /// The scores with this label, spaces around commas aside.
  package func scores(labelled text: String) -> [Int] { places[Self.normalized(text)] ?? [] }

  /// The scores whose label holds `text` as a whole item of a comma-separated list of names, with or
  /// without a WordNet id in front.
  package func scores(named text: String) -> [Int] { namesInside[text.lowercased()] ?? [] }

  /// The scores whose label begins with this WordNet id.
  func scores(identified text: String) -> [Int] { identifiers[text] ?? [] }

  /// The only score of this label, or of this name among those of a label.
  ///
  /// - Throws: `ModelError` with the nearest names if there is none, or if there are several.
  package func score(of text: String) throws(ModelError) -> Int {
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
  package func isNearly(_ text: String) -> Bool {
    !Suggestion.names(for: text, among: known).isEmpty
  }

  /// The refusal of a name that no label has.
  package func unknown(_ text: String) -> ModelError {
    guard !labels.isEmpty else {
      return ModelError(
        "no label is '\(text)'; name a file of labels with --labels", kind: .usage)
    }
    let hint = hint(for: text)
    return ModelError(
      "no label is '\(text)'\(hint.isEmpty ? "; give another one, or an index" : hint)",
      kind: .usage)
  }

  /// The labels nearest to a name that none has, as the end of a message.
  func hint(for text: String) -> String { Suggestion.text(for: text, among: known) }

  private var known: [String] { labels.filter { !$0.isEmpty } + labels.flatMap(Self.names) }

  private static func names(in label: String) -> [String] {
    let names = label.dropFirst(identifier(of: label)?.count ?? 0)
    return names.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
  }

  private static func identifier(of label: String) -> String? {
    label.range(of: "^n[0-9]{8} ", options: .regularExpression).map {
      String(label[$0].dropLast())
    }
  }

  private static func normalized(_ text: String) -> String {
    text.split(separator: ",", omittingEmptySubsequences: false)
      .map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: ",")
  }
}
