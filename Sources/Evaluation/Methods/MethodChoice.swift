public import Attribution
public import Graphs

/// A method with its settings, as one item of `--methods`.
public struct MethodChoice: Sendable, Hashable {
  /// What computes a map.
  public enum Rule: Sendable, Hashable {
    /// Integrated Gradients.
    case integratedGradients(steps: Int, Quadrature)
    /// Input times gradient over the degree, where the model is proved homogeneous.
    case xGradient
    /// The gradient of the score.
    case gradient
    /// Input times gradient.
    case inputXGradient
    /// The mean over other samples x' and numbers a in 0...1 of (x - x') times the gradient at
    /// x' + a(x - x') (Erion et al., 2021, arXiv 1906.10670).
    case expectedGradients(samples: Int)
    /// Numbers of the standard normal distribution, which say nothing: what others are judged by.
    case random
  }

  /// What computes the map.
  public let rule: Rule

  /// The method that an item names: `NAME`, `NAME:COUNT` or `ig:128:quadrature=midpoint`.
  ///
  /// - Parameter quadrature: the rule of Integrated Gradients where the item names none.
  /// - Throws: `ModelError` that says what is wrong with it.
  public init(_ text: String, quadrature: Quadrature) throws(ModelError) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    var count: Int?
    var settings: [String: String] = [:]
    for part in parts.dropFirst() {
      let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
      if pair.count == 2, settings.updateValue(pair[1], forKey: pair[0]) == nil { continue }
      guard count == nil, settings.isEmpty, let number = Int(part), number > 0 else {
        throw ModelError(
          "method '\(text)': '\(part)' is neither a count from 1 on nor a setting NAME=VALUE",
          kind: .usage)
      }
      count = number
    }
    switch parts[0] {
    case "ig":
      let rule = try Self.quadrature(in: &settings, of: text) ?? quadrature
      self.rule = .integratedGradients(steps: count ?? 128, rule)
    case "expected-gradients":
      guard count ?? 1 <= Self.largestReferenceCount else {
        throw ModelError(
          "method '\(text)': at most \(Self.largestReferenceCount) other samples are read for each",
          kind: .usage)
      }
      rule = .expectedGradients(samples: count ?? 1)
    case "xg": rule = .xGradient
    case "gradient": rule = .gradient
    case "input-x-gradient": rule = .inputXGradient
    case "random": rule = .random
    default:
      throw ModelError(
        "method '\(parts[0])' is not one of ig, xg, gradient, input-x-gradient, "
          + "expected-gradients, random", kind: .usage)
    }
    if let key = settings.keys.sorted().first {
      throw ModelError("method '\(text)' has no setting '\(key)'", kind: .usage)
    }
    guard count == nil || rule.takesCount else {
      throw ModelError("method '\(parts[0])' takes no number", kind: .usage)
    }
  }

  /// All of them lie in memory at once.
  private static let largestReferenceCount = 64

  private static func quadrature(
    in settings: inout [String: String], of text: String
  ) throws(ModelError) -> Quadrature? {
    let power = settings.removeValue(forKey: "power")
    guard let name = settings.removeValue(forKey: "quadrature") ?? power.map({ _ in "warped" })
    else { return nil }
    guard let rule = Quadrature(power.map { "\(name):\($0)" } ?? name) else {
      throw ModelError(
        "method '\(text)': the quadrature is not one of warped (with power=P from 1 to 16), "
          + "midpoint, gauss-legendre, left, right, trapezoid", kind: .usage)
    }
    return rule
  }

  /// Whether its maps are in units of the score.
  var isGlobal: Bool { rule != .gradient }

  /// Whether its maps should add up to the score's difference from the baseline.
  var addsUp: Bool {
    switch rule {
    case .integratedGradients, .xGradient, .inputXGradient: true
    case .gradient, .expectedGradients, .random: false
    }
  }
}

extension MethodChoice.Rule {
  fileprivate var takesCount: Bool {
    switch self {
    case .integratedGradients, .expectedGradients: true
    default: false
    }
  }
}

extension MethodChoice: CustomStringConvertible {
  /// The item that names the method; the same for the same method.
  public var description: String {
    switch rule {
    case .integratedGradients(let steps, let quadrature):
      switch quadrature {
      case .warped(let power) where power == Quadrature.defaultPower: "ig:\(steps)"
      case .warped(let power): "ig:\(steps):quadrature=warped:power=\(power)"
      default: "ig:\(steps):quadrature=\(quadrature)"
      }
    case .xGradient: "xg"
    case .gradient: "gradient"
    case .inputXGradient: "input-x-gradient"
    case .expectedGradients(let samples): "expected-gradients:\(samples)"
    case .random: "random"
    }
  }

  /// The name of a method as a part of a path.
  public static func fileName(_ name: String) -> String { name.replacing(/[:=]/, with: "-") }

  /// How many other samples it reads for each.
  public var references: Int {
    if case .expectedGradients(let samples) = rule { samples } else { 0 }
  }
}
