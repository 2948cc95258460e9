import Attribution
import Foundation
import FoundationEssentials
import Graphs
import Tensors

/// A point of a function and what it is compared with.
struct Problem {
  let function: ModelFunction
  let space: TargetSpace
  let point: Tensor
  let baseline: Tensor
  /// The shape of the sample as the model takes it.
  let shape: Shape

  func explain(
    _ options: AttributionOptions, _ labels: [String], progress: (Double) throws -> Void
  ) throws -> [Explanation] {
    let rule = try rule(options)
    return try options.targets.enumerated().map { number, target in
      let clock = ContinuousClock()
      let start = clock.now
      let (index, map) = try map(rule, options) { (scores) throws(ModelError) in
        let index = try target.index(in: scores, labels)
        guard scores[index].isFinite else {
          throw ModelError("score \(index) of this input is \(scores[index]), nothing to explain")
        }
        return index
      } progress: { share in
        try progress((Double(number) + share) / Double(options.targets.count))
      }
      try map.requireFinite(target: index)
      return Explanation(
        target: ExplainedTarget(
          index: index, label: index < labels.count ? labels[index] : nil,
          space: space.description),
        omittedNode: function.omittedNode, method: rule.method, map: map.reshaped(to: shape),
        seconds: (clock.now - start) / .seconds(1))
    }
  }

  /// What a method comes to for this function.
  private enum Rule {
    case gradient
    case inputXGradient
    /// Input times gradient over the degree, which is proved.
    case xGradient(degree: Int)
    case integratedGradients

    var method: Method {
      switch self {
      case .gradient: .gradient
      case .inputXGradient: .inputXGradient
      case .xGradient: .xGradient
      case .integratedGradients: .integratedGradients
      }
    }
  }

  private func rule(_ options: AttributionOptions) throws(ModelError) -> Rule {
    switch options.method {
    case .gradient: return .gradient
    case .inputXGradient: return .inputXGradient
    case .integratedGradients: return .integratedGradients
    case .auto:
      guard baseline.isZero, let degree = try function.homogeneity().degree else {
        return .integratedGradients
      }
      return .xGradient(degree: degree)
    case .xGradient:
      guard baseline.isZero else {
        throw ModelError(
          "xg explains the difference from the zero baseline only; use ig with this one",
          kind: .usage)
      }
      if options.fallsBack, try function.homogeneity().degree == nil { return .inputXGradient }
      return .xGradient(degree: try function.requiredDegree())
    }
  }

  private func map(
    _ rule: Rule, _ options: AttributionOptions,
    choosing target: ([Double]) throws(ModelError) -> Int, progress: (Double) throws -> Void
  ) throws -> (target: Int, map: AttributionMap) {
    switch rule {
    case .gradient: return try function.gradientMap(at: point, choosing: target)
    case .inputXGradient:
      return try function.gradientMap(at: point, choosing: target, timesInput: true)
    case .xGradient(let degree):
      let result = try function.gradientMap(
        at: point, choosing: target, timesInput: true, dividedBy: degree)
      try result.map.requireEuler()
      return result
    case .integratedGradients:
      return try function.integratedGradients(
        at: point, from: baseline, nodes: options.quadrature.nodes(options.steps),
        choosing: target, progress: progress)
    }
  }
}

extension AttributionMap {
  /// Refuses an X-gradient that does not add up to the score, as it does by Euler's theorem: the proof
  /// of homogeneity would be wrong.
  fileprivate func requireEuler() throws(ModelError) {
    let size = values.elements(as: Double.self).reduce(0) { $0 + abs($1) }
    guard abs(completenessError) > 1e-2 * max(size, abs(score)) else { return }
    throw ModelError(
      "the model was proved homogeneous, yet the X-gradient adds up to \(sum) and not to \(score); "
        + "please report this", kind: .fault)
  }

  /// Refuses a map that says nothing.
  fileprivate func requireFinite(target: Int) throws(ModelError) {
    if let baselineScore, !baselineScore.isFinite {
      throw ModelError("score \(target) is \(baselineScore) at the baseline; choose another one")
    }
    guard sum.isFinite else {
      throw ModelError(
        "the gradient of score \(target) is not finite here; try --precision float64")
    }
  }
}

extension Target {
  /// The index of the score that is meant.
  fileprivate func index(in scores: [Double], _ labels: [String]) throws(ModelError) -> Int {
    switch self {
    case .argmax:
      guard let best = scores.indices.max(by: { scores[$0] < scores[$1] }) else {
        throw ModelError("the model has no scores")
      }
      return best
    case .index(let index):
      guard scores.indices.contains(index) else {
        throw ModelError(
          "target \(index) is not one of the model's \(scores.count) scores (0 to "
            + "\(scores.count - 1))", kind: .usage)
      }
      return index
    case .label(let label):
      guard let index = labels.firstIndex(of: label) ?? Self.matching(label, labels) else {
        let hint = labels.isEmpty ? "; name a file of labels with --labels" : ""
        throw ModelError("no label is '\(label)'\(hint)", kind: .usage)
      }
      guard scores.indices.contains(index) else {
        throw ModelError(
          "label '\(label)' is number \(index), the model has \(scores.count) scores", kind: .usage)
      }
      return index
    }
  }

  /// The only label that holds `text` as a whole item of a comma-separated list of names, with or
  /// without a WordNet id in front.
  private static func matching(_ text: String, _ labels: [String]) -> Int? {
    let text = text.lowercased()
    let matches = labels.indices.filter { index in
      let label = labels[index].lowercased()
      let isIdentified = label.range(of: "^n[0-9]{8} ", options: .regularExpression)
      let names = isIdentified.map { String(label[$0.upperBound...]) } ?? label
      return names.split(separator: ",").contains {
        $0.trimmingCharacters(in: .whitespaces) == text
      }
    }
    return matches.count == 1 ? matches[0] : nil
  }
}
