package import Graphs

/// Layer-wise relevance propagation (Bach et al., 2015,
/// https://doi.org/10.1371/journal.pone.0130140; Montavon et al., 2019,
/// https://doi.org/10.1007/978-3-030-28954-6_10).
///
/// The score is its own relevance; each node hands that of its output to its inputs by their shares
/// in it, down to the input, whose relevance is the map. `rule` says how layers with weights share:
///
///     epsilon              by contribution, biases included: captum's EpsilonRule, and its default
///     gamma                contributions of the sign of the output count 1 + gamma times
///     z-plus               by positive contributions
///     epsilon-plus         z-plus for convolutions, epsilon for matrix products
///     epsilon-gamma-box    z-box for layers that read the input, gamma for other convolutions, epsilon
///                          for other matrix products
///
/// The last two are the composites of Montavon et al. and of zennit, made for pictures.
/// `RelevanceRule` has the formulas, `RelevanceRules` what happens at other operators.
/// BatchNormalization is folded into the convolution before it first, as that literature asks; one
/// that cannot be folded is a layer of its own, of the epsilon rule. `epsilon` is added to every
/// denominator, away from 0. The z-box needs the bounds of the model's input: `low` and `high`, one
/// number or one for each channel, joined by `/`.
///
/// What biases and epsilon take is lost: the map adds up to the score less that. `bias=ignored`
/// leaves the constants that nodes add out of all denominators, so that what they would take is
/// shared too, unless all contributions are zero. With a small epsilon, rule=epsilon on a network of Relu and MaxPool is input times
/// gradient (Ancona et al., 2018, arXiv 1711.06104).
package struct LayerwiseRelevance: AttributionMethod {
  package static let name = "lrp"
  package static let title = "LRP"
  package static let summary = "Layer-wise relevance propagation, by one of five rules."
  package static let usage = "[:rule=RULE][:epsilon=E][:gamma=G][:low=L:high=H][:bias=ignored]"

  private let rule: Rule
  private let epsilon: Double
  private let gamma: Double?
  private let ignoresBiases: Bool
  private let low: [Double]?
  private let high: [Double]?

  private enum Rule: String, CaseIterable {
    case epsilon
    case gamma
    case zPlus = "z-plus"
    case epsilonPlus = "epsilon-plus"
    case epsilonGammaBox = "epsilon-gamma-box"

    var usesGamma: Bool { self == .gamma || self == .epsilonGammaBox }
  }

  private static let usualEpsilon = 1e-9
  private static let usualGamma = 0.25

  package init(_ settings: inout MethodSettings) throws(ModelError) {
    let name = settings.string("rule") ?? Rule.epsilon.rawValue
    guard let rule = Rule(rawValue: name) else {
      let rules = Rule.allCases.map(\.rawValue)
      throw settings.error(
        "rule is one of \(rules.joined(separator: ", ")), not '\(name)'"
          + Suggestion.text(for: name, among: rules))
    }
    self.rule = rule
    epsilon = try settings.number("epsilon", in: 1e-30...1000) ?? Self.usualEpsilon
    switch settings.string("bias") ?? "counted" {
    case "counted": ignoresBiases = false
    case "ignored": ignoresBiases = true
    case let other: throw settings.error("bias is counted or ignored, not '\(other)'")
    }
    let gamma = try settings.number("gamma", in: 0...1000)
    guard gamma == nil || rule.usesGamma else {
      throw settings.error(
        "gamma goes with rule=gamma and rule=epsilon-gamma-box, as in lrp:rule=gamma:gamma=0.5")
    }
    self.gamma = rule.usesGamma ? gamma ?? Self.usualGamma : nil
    guard rule == .epsilonGammaBox else {
      guard settings.string("low") == nil, settings.string("high") == nil else {
        throw settings.error("low and high go with rule=epsilon-gamma-box")
      }
      (low, high) = (nil, nil)
      return
    }
    guard let low = try settings.numbers("low"), let high = try settings.numbers("high") else {
      throw settings.error(
        "rule=epsilon-gamma-box needs the bounds of the model's input: low= and high=, one number or "
          + "one for each channel joined by /, as in low=-2.12/-2.04/-1.81:high=2.25/2.43/2.64; "
          + "rule=epsilon-plus needs none")
    }
    guard low.count == high.count, zip(low, high).allSatisfy({ $0 < $1 }) else {
      throw settings.error("low and high are as many numbers, the low ones below the high ones")
    }
    (self.low, self.high) = (low, high)
  }

  package var settings: String {
    var parts = rule == .epsilon ? [] : ["rule=\(rule.rawValue)"]
    if epsilon != Self.usualEpsilon { parts.append("epsilon=\(epsilon)") }
    if let gamma, gamma != Self.usualGamma { parts.append("gamma=\(gamma)") }
    for (key, numbers) in [("low", low), ("high", high)] {
      guard let numbers else { continue }
      parts.append("\(key)=\(numbers.map(\.description).joined(separator: "/"))")
    }
    if ignoresBiases { parts.append("bias=ignored") }
    return parts.map { ":" + $0 }.joined()
  }

  package var addsUp: Bool { true }
  package var readsPrecision: Bool { false }

  private var composite: RelevanceComposite {
    switch rule {
    case .epsilon: RelevanceComposite(.epsilon)
    case .gamma: RelevanceComposite(.gamma(gamma ?? 0))
    case .zPlus: RelevanceComposite(.zPlus)
    case .epsilonPlus: RelevanceComposite(convolutions: .zPlus, products: .epsilon)
    case .epsilonGammaBox:
      RelevanceComposite(first: .zBox, convolutions: .gamma(gamma ?? 0), products: .epsilon)
    }
  }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    try problem.function.walked(
      at: problem.point, by: item, choosing: problem.targets
    ) { (graph, input) throws(ModelError) in
      guard let low, let high else {
        let rules = RelevanceRules(
          composite, epsilon: epsilon, ignoresBiases: ignoresBiases, graph, to: input)
        return try graph.gradient(of: graph.outputs[0], withRespectTo: [input], rules: rules)
      }
      let box = try InputBox(graph, of: input, low: low, high: high)
      guard box.reachesLayer else {
        throw ModelError(
          "rule=epsilon-gamma-box: no convolution or matrix product reads "
            + "'\(graph.name(of: input))', scaled or rearranged at most; use rule=epsilon-plus",
          kind: .usage)
      }
      let rules = RelevanceRules(
        composite, epsilon: epsilon, ignoresBiases: ignoresBiases, box.graph, to: input, box: box)
      return try box.graph.gradient(of: graph.outputs[0], withRespectTo: [input], rules: rules)
    }.maps(problem.function.pointShape) { relevances, score in
      relevances.map { $0 * score }
    }
  }
}

extension MethodSettings {
  /// The finite numbers of a setting, joined by `/`.
  fileprivate mutating func numbers(_ key: String) throws(ModelError) -> [Double]? {
    guard let text = string(key) else { return nil }
    let numbers = text.split(separator: "/", omittingEmptySubsequences: false).map { Double($0) }
    guard numbers.allSatisfy({ $0?.isFinite ?? false }) else {
      throw error("\(key) is a number, or several joined by /, not '\(text)'")
    }
    return numbers.compactMap(\.self)
  }
}
