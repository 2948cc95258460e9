public import Attribution
import Evaluation
import Foundation
import Graphs

extension Target {
  /// The targets that a text lists with commas: `argmax`, `topK`, an index, a label, or `A-B` of two
  /// indices or labels.
  ///
  /// Where labels hold commas or hyphens themselves, the longest run of the text that is a label, or a
  /// margin of two, is one item.
  ///
  /// - Parameter labels: the names of the scores.
  /// - Returns: targets without labels, which are replaced by their indices.
  /// - Throws: `ModelError` with the nearest names if a label is not known; if an item can be read in
  ///   two ways, two name one score, or a score is compared with itself.
  public static func list(_ text: String, labels: [String]) throws -> [Target] {
    let items = try TargetReader(labels).items(of: text)
    for (number, item) in items.enumerated() {
      guard let other = items[..<number].first(where: { $0.target == item.target }) else {
        continue
      }
      throw ModelError(
        other.text == item.text
          ? "target '\(item.text)' is named twice"
          : "targets '\(other.text)' and '\(item.text)' are the same score; name it once",
        kind: .usage)
    }
    let targets = items.map(\.target)
    _ = try TargetIndices(targets, labels: labels)
    return targets
  }

  /// The only target of a text: the largest score or a certain one.
  ///
  /// - Parameter labels: the names of the scores.
  /// - Returns: `argmax` or an index.
  /// - Throws: as `list(_:labels:)`; if it is a margin or there are several.
  public static func one(_ text: String, labels: [String]) throws -> Target {
    let targets = try list(text, labels: labels)
    guard let target = targets.first, targets.count == 1 else {
      throw ModelError("target '\(text)': one score is wanted here, not several", kind: .usage)
    }
    switch target {
    case .argmax, .index, .label: return target
    case .top, .margin:
      throw ModelError(
        "target '\(text)': one score is wanted here, as argmax, an index or a label", kind: .usage)
    }
  }
}

/// Reads targets, given the labels that they may name.
private struct TargetReader {
  private typealias Sides = (first: String, second: String)

  private let names: LabelNames

  init(_ labels: [String]) { names = LabelNames(labels) }

  func items(of list: String) throws(ModelError) -> [(text: String, target: Target)] {
    let parts = list.split(separator: ",", omittingEmptySubsequences: false).map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    guard !parts.contains("") else {
      throw ModelError("--target '\(list)' has an empty item", kind: .usage)
    }
    var items: [(text: String, target: Target)] = []
    var start = 0
    while start < parts.count {
      var end = min(start + 2 * names.mostCommas + 1, parts.count)
      while end > start + 1, !isKnown(parts[start..<end].joined(separator: ", ")) { end -= 1 }
      let text = parts[start..<end].joined(separator: ", ")
      items.append((text, try target(text)))
      start = end
    }
    return items
  }

  /// Whether a text is a label, or two of them with a hyphen.
  private func isKnown(_ text: String) -> Bool {
    !names.scores(labelled: text).isEmpty || !readings(of: text, isExact).isEmpty
  }

  private func target(_ text: String) throws(ModelError) -> Target {
    if text == "argmax" { return .argmax }
    if text.hasPrefix("top"), let count = Int(text.dropFirst(3)), count > 0 { return .top(count) }
    if let index = Int(text) { return .index(index) }
    if !names.scores(labelled: text).isEmpty { return .index(try names.score(of: text)) }
    if let margin = try margin(text, readings(of: text, isExact)) { return margin }
    if !names.scores(named: text).isEmpty { return .index(try names.score(of: text)) }
    if let margin = try margin(text, readings(of: text, isNamed)) { return margin }
    if text.wholeMatch(of: /top-?[0-9]+/) != nil {
      throw ModelError(
        "target '\(text)': top takes a count from 1 on, as in top5", kind: .usage)
    }
    throw unknown(text)
  }

  /// Every way to see two sides with a hyphen between them in a text.
  private func readings(of text: String, _ isSide: (String) -> Bool) -> [(String, String)] {
    Self.splits(text).filter { isSide($0.first) && isSide($0.second) }
  }

  private static func splits(_ text: String) -> [Sides] {
    text.indices.filter { text[$0] == "-" }.compactMap { hyphen in
      let first = text[..<hyphen].trimmingCharacters(in: .whitespaces)
      let second = text[text.index(after: hyphen)...].trimmingCharacters(in: .whitespaces)
      return first.isEmpty || second.isEmpty ? nil : (first, second)
    }
  }

  private func margin(
    _ text: String, _ readings: [(String, String)]
  ) throws(ModelError) -> Target? {
    guard let (first, second) = readings.first else { return nil }
    guard readings.count == 1 else {
      let ways = readings.prefix(2).map { "'\($0)' over '\($1)'" }.joined(separator: " or ")
      throw ModelError(
        "target '\(text)' can be read as \(ways); give indices, as in 281-285", kind: .usage)
    }
    return .margin(.index(try score(of: first)), .index(try score(of: second)))
  }

  private func score(of side: String) throws(ModelError) -> Int {
    if let index = Self.index(side) { return index }
    return try names.score(of: side)
  }

  private func isExact(_ side: String) -> Bool {
    Self.index(side) != nil || !names.scores(labelled: side).isEmpty
  }

  private func isNamed(_ side: String) -> Bool {
    isExact(side) || !names.scores(named: side).isEmpty
  }

  private static func index(_ side: String) -> Int? {
    side.allSatisfy { $0.isASCII && $0.isNumber } ? Int(side) : nil
  }

  /// What is wrong with a text that means nothing: a side of a margin whose other side is known, or the
  /// whole.
  private func unknown(_ text: String) -> ModelError {
    let splits = Self.splits(text)
    if splits.contains(where: { sides in
      [sides.first, sides.second].contains {
        $0 == "argmax" || $0.wholeMatch(of: /top[0-9]+/) != nil
      }
    }) {
      return ModelError(
        "target '\(text)': a margin is one of two indices or labels, as in 281-285", kind: .usage)
    }
    if let sides = splits.last(where: { isNamed($0.first) }) { return names.unknown(sides.second) }
    if let sides = splits.first(where: { isNamed($0.second) }) { return names.unknown(sides.first) }
    if !names.isNearly(text),
      let sides = splits.first(where: { names.isNearly($0.first) && names.isNearly($0.second) })
    {
      return names.unknown(sides.first)
    }
    return names.unknown(text)
  }
}
