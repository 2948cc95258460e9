import Attribution
import Evaluation
import Foundation
import Graphs

/// What the targets of a run come to, given the scores of a point.
struct TargetIndices {
  private let targets: [Target]
  private let labels: [String]
  /// The margins among the targets, whose values stand behind the scores.
  let margins: [Margin]
  /// For each target its place among the scores, where that does not depend on them.
  private let known: [Int?]

  /// - Throws: `ModelError` if a label is not known, a margin is not one of two known scores, or two
  ///   targets have one name.
  init(_ targets: [Target], labels: [String]) throws(ModelError) {
    self.targets = targets
    self.labels = labels
    let names = LabelNames(labels)
    var margins: [Margin] = []
    for case .margin(let a, let b) in targets {
      let margin = Margin(of: try Self.place(a, names), over: try Self.place(b, names))
      guard margin.first != margin.second else {
        throw ModelError(
          "score \(margin.first) is compared with itself, which always gives 0; name two scores",
          kind: .usage)
      }
      margins.append(margin)
    }
    self.margins = margins
    self.known = try targets.map { (target) throws(ModelError) in
      switch target {
      case .index, .label: try Self.place(target, names)
      case .argmax, .top, .margin: nil
      }
    }
    try requireDistinctNames()
  }

  /// How many scores are explained.
  var count: Int {
    targets.reduce(0) { sum, target in
      let more = if case .top(let count) = target { count } else { 1 }
      let (total, overflow) = sum.addingReportingOverflow(more)
      return overflow ? .max : total
    }
  }

  /// Refuses targets whose files would have one name.
  private func requireDistinctNames() throws(ModelError) {
    let tops = targets.compactMap { if case .top(let count) = $0 { count } else { nil } }
    guard tops.count < 2 else {
      let names = tops.prefix(2).map { "'top\($0)'" }.joined(separator: " and ")
      throw ModelError(
        "targets \(names) share their first scores; name the larger one only", kind: .usage)
    }
    var taken: Set<String> = []
    var margins = margins.makeIterator()
    for (target, known) in zip(targets, known) {
      let name =
        switch target {
        case .argmax: "argmax"
        case .top: "top1"
        case .index, .label: known.map(String.init) ?? "label"
        case .margin: Self.name(of: margins.next())
        }
      guard taken.insert(name).inserted else {
        throw ModelError("target '\(name)' is named twice; leave one out", kind: .usage)
      }
    }
  }

  private static func name(of margin: Margin?) -> String {
    margin.map { "\($0.first)-\($0.second)" } ?? "margin"
  }

  /// The scores that the targets come to, each once, in the order in which they are named first.
  struct Choice {
    /// The places among the scores and, behind them, the margins.
    var scores: [Int] = []
    /// For each name the number of its score among those.
    var numbers: [Int] = []
  }

  /// The scores to explain, and which of them each name means.
  func choice(in scores: [Double]) throws(ModelError) -> Choice {
    var choice = Choice()
    for index in try indices(in: scores) {
      let known = choice.scores.firstIndex(of: index)
      choice.numbers.append(known ?? choice.scores.count)
      if known == nil { choice.scores.append(index) }
    }
    return choice
  }

  /// The places of the targets among the scores and, behind them, the margins.
  func indices(in scores: [Double]) throws(ModelError) -> [Int] {
    let own = Array(scores.dropLast(margins.count))
    guard !own.isEmpty else { throw ModelError("the model has no scores") }
    var indices: [Int] = []
    var margin = own.count
    for (target, known) in zip(targets, known) {
      switch target {
      case .argmax: indices.append(Self.best(1, of: own)[0])
      case .top(let count):
        guard (1...own.count).contains(count) else {
          throw ModelError(
            "target top\(count): the model has \(own.count) scores", kind: .usage)
        }
        indices += Self.best(count, of: own)
      case .index, .label: indices.append(known ?? 0)
      case .margin:
        indices.append(margin)
        margin += 1
      }
    }
    for index in indices {
      guard scores.indices.contains(index) else {
        throw ModelError(
          "target \(index) is not one of the model's \(own.count) scores (0 to "
            + "\(own.count - 1))", kind: .usage)
      }
      guard scores[index].isFinite else {
        let score = scores[index].isNaN ? "nan" : "\(scores[index])"
        throw ModelError("score \(index) of this input is \(score), nothing to explain")
      }
    }
    return indices
  }

  /// For each score that is explained what files of it are called.
  var names: [String] {
    var margins = margins.makeIterator()
    return zip(targets, known).flatMap { target, known in
      switch target {
      case .argmax: return ["argmax"]
      case .top(let count): return (0..<count).map { "top\($0 + 1)" }
      case .index, .label: return [known.map(String.init) ?? "label"]
      case .margin: return [Self.name(of: margins.next())]
      }
    }
  }

  /// The target at a place.
  func explained(_ index: Int, scoreCount: Int, space: TargetSpace) -> ExplainedTarget {
    guard index >= scoreCount, index - scoreCount < margins.count else {
      return ExplainedTarget(
        index: index, label: label(index), space: space.description, comparedWith: nil)
    }
    let margin = margins[index - scoreCount]
    let label = self.label(margin.first).flatMap { first in
      self.label(margin.second).map { "\(first) - \($0)" }
    }
    return ExplainedTarget(
      index: margin.first, label: label, space: space.description, comparedWith: margin.second)
  }

  private func label(_ index: Int) -> String? { index < labels.count ? labels[index] : nil }

  private static func best(_ count: Int, of scores: [Double]) -> [Int] {
    // A stable order, the first of equal scores first.
    let order = scores.indices.sorted {
      scores[$0] > scores[$1] || (scores[$0] == scores[$1] && $0 < $1)
    }
    return Array(order.prefix(count))
  }

  private static func place(_ target: Target, _ names: LabelNames) throws(ModelError) -> Int {
    switch target {
    case .index(let index): return index
    case .label(let label): return try names.score(of: label)
    case .argmax, .top, .margin:
      throw ModelError("a margin is one of two indices or labels, as in 281-285", kind: .usage)
    }
  }
}
