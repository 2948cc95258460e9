import Graphs

/// How the integral of Integrated Gradients is computed.
public enum Integration: Sendable, Hashable {
  /// With so many evaluations of the gradient, placed by a rule.
  case steps(Int, Quadrature)
  /// With so many, placed by `Quadrature.warped` of the power that scores along the path suggest.
  case piloted(Int)
  /// From the mean gradients of so many pieces of the path, for models whose operators have mean slopes.
  case secant(Int)
  /// As `secant` if the model allows it, else with so many evaluations placed by `Quadrature.warped` of
  /// the usual power.
  case automatic(Int)
  /// With as many as the relative L2 error of the map, as it is estimated, takes to fall below this.
  case tolerance(Double)
  /// Exactly, for a network that is piecewise linear and small.
  case exact

  /// The most evaluations that one map may take.
  public static let largestStepCount = 1_000_000
  /// The tolerances that make sense.
  public static let tolerances = 1e-6...0.5
  /// Evaluations where nobody says how many.
  public static let defaultCount = 128

  /// So many evaluations by the rule of this name, or nil; `warped` leaves its power to a pilot.
  public init?(_ count: Int, rule name: String) {
    switch name {
    case "warped": self = .piloted(count)
    case "secant": self = .secant(count)
    default:
      guard let rule = Quadrature(name) else { return nil }
      self = .steps(count, rule)
    }
  }

  /// Evaluations of the gradient, where they are known beforehand.
  public var count: Int? {
    switch self {
    case .steps(let count, _), .piloted(let count), .secant(let count), .automatic(let count): count
    case .tolerance, .exact: nil
    }
  }

  /// What the settings of an item say, and what its defaults say beside them.
  init(_ settings: inout MethodSettings) throws(ModelError) {
    let count = try settings.count(in: 1...Self.largestStepCount)
    let power = settings.string("power")
    let name = settings.string("quadrature") ?? power.map { _ in "warped" }
    let tolerance = try settings.number("tolerance", in: Self.tolerances)
    if let tolerance {
      guard count == nil, name == nil else {
        throw settings.error("tolerance stands alone, without steps and quadrature")
      }
      self = .tolerance(tolerance)
      return
    }
    if name == "exact", power == nil {
      guard count == nil else { throw settings.error("exact takes no number of steps") }
      self = .exact
      return
    }
    let fallback = settings.defaults.integration
    guard count != nil || name != nil else {
      self = fallback
      return
    }
    let steps = count ?? fallback.count ?? Self.defaultCount
    guard let name else {
      self = fallback.taking(steps)
      return
    }
    guard let named = Integration(steps, rule: power.map { "\(name):\($0)" } ?? name) else {
      throw settings.error(
        "the quadrature is not one of warped[:POWER] (from 1 to 16), midpoint, gauss-legendre, "
          + "left, right, trapezoid, secant, exact")
    }
    self = named
  }

  /// The same rule with so many evaluations; the usual one where this one takes no number.
  func taking(_ count: Int) -> Integration {
    switch self {
    case .steps(_, let rule): .steps(count, rule)
    case .piloted: .piloted(count)
    case .secant: .secant(count)
    case .automatic, .tolerance, .exact: .automatic(count)
    }
  }

  /// The settings of an item that mean this.
  var settings: String {
    switch self {
    case .automatic(let count): ":\(count)"
    case .steps(let steps, .warped(let power)): ":\(steps):quadrature=warped:power=\(power)"
    case .steps(let steps, let rule): ":\(steps):quadrature=\(rule)"
    case .piloted(let steps): ":\(steps):quadrature=warped"
    case .secant(let count): ":\(count):quadrature=secant"
    case .tolerance(let tolerance): ":tolerance=\(tolerance)"
    case .exact: ":quadrature=exact"
    }
  }

  /// The rule as `S.json` names it, where the paths of a map have none of their own.
  public var ruleName: String {
    switch self {
    case .steps(_, let rule): rule.description
    case .piloted: "warped"
    case .secant: "secant"
    case .automatic: "automatic"
    case .tolerance(let tolerance): "adaptive:\(tolerance)"
    case .exact: "exact"
    }
  }
}
