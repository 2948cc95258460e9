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
    let clock = ContinuousClock()
    let start = clock.now
    let scores = try function.scores(at: point)[0]
    let targets = try options.targets.map { try $0.index(in: scores, labels) }
    let prediction = clock.now - start
    return try targets.enumerated().map { number, target in
      guard scores[target].isFinite else {
        throw ModelError("score \(target) of this input is \(scores[target]), nothing to explain")
      }
      let start = clock.now
      let (method, map) = try map(options, target) { share in
        try progress((Double(number) + share) / Double(targets.count))
      }
      try map.requireFinite(target: target)
      let seconds = (clock.now - start + prediction / targets.count) / .seconds(1)
      return Explanation(
        target: ExplainedTarget(
          index: target, label: target < labels.count ? labels[target] : nil,
          space: space.description),
        omittedNode: function.omittedNode,
        method: method, map: map.reshaped(to: shape), seconds: seconds)
    }
  }

  private func map(
    _ options: AttributionOptions, _ target: Int, progress: (Double) throws -> Void
  ) throws -> (Method, AttributionMap) {
    switch options.method {
    case .gradient:
      return (.gradient, try function.gradientMap(at: point, target: target))
    case .inputXGradient:
      return (.inputXGradient, try inputTimesGradient(target))
    case .xGradient:
      guard baseline.isZero else {
        throw ModelError(
          "xg explains the difference from the zero baseline only; use ig with this one",
          kind: .usage)
      }
      if options.fallsBack, try function.homogeneity().degree == nil {
        return (.inputXGradient, try inputTimesGradient(target))
      }
      return (.xGradient, try scaled(target, degree: try function.requiredDegree()))
    case .auto:
      if baseline.isZero, let degree = try function.homogeneity().degree {
        return (.xGradient, try scaled(target, degree: degree))
      }
      return (.integratedGradients, try integrate(options, target, progress))
    case .integratedGradients:
      return (.integratedGradients, try integrate(options, target, progress))
    }
  }

  private func inputTimesGradient(_ target: Int) throws(ModelError) -> AttributionMap {
    try function.gradientMap(at: point, target: target, timesInput: true)
  }

  /// The X-gradient, which adds up to the score by Euler's theorem; a map that does not would mean
  /// that the proof of homogeneity is wrong.
  private func scaled(_ target: Int, degree: Int) throws(ModelError) -> AttributionMap {
    let map = try function.gradientMap(
      at: point, target: target, timesInput: true, dividedBy: degree)
    let size = map.values.elements(as: Double.self).reduce(0) { $0 + abs($1) }
    guard abs(map.completenessError) <= 1e-2 * max(size, abs(map.score)) else {
      throw ModelError(
        "the model was proved homogeneous, yet the X-gradient adds up to \(map.sum) and not to "
          + "\(map.score); please report this", kind: .fault)
    }
    return map
  }

  private func integrate(
    _ options: AttributionOptions, _ target: Int, _ progress: (Double) throws -> Void
  ) throws -> AttributionMap {
    try function.integratedGradients(
      at: point, from: baseline, target: target, nodes: options.quadrature.nodes(options.steps),
      progress: progress)
  }
}

extension AttributionMap {
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
