import Foundation

/// A rule that replaces an integral over 0...1 by a weighted sum.
///
/// Every rule is data: positions and weights that sum to 1, so that a linear model is attributed
/// exactly with one step.
public enum Quadrature: Sendable, Hashable {
  /// Midpoints of a grid whose edges are t^power for equal steps of t: denser near the baseline,
  /// where most ReLUs switch, for powers above 1.
  case warped(power: Double)
  /// Midpoints of equal intervals.
  case midpoint
  /// Gauss and Legendre's points, exact for polynomials up to degree 2n - 1.
  case gaussLegendre
  /// Left ends of equal intervals.
  case left
  /// Right ends of equal intervals.
  case right
  /// Equally spaced points that include both ends, the ends with half the weight.
  case trapezoid

  /// The power of `warped` where nothing is known of the path.
  public static let defaultPower = 2.0

  /// One evaluation of the integrand.
  public struct Node: Sendable, Hashable {
    /// Where, between 0 and 1.
    public let position: Double
    /// The share of the sum.
    public let weight: Double
  }

  /// The nodes of this rule with `count` evaluations, ascending; none for a count below 1.
  public func nodes(_ count: Int) -> [Node] {
    guard count > 0 else { return [] }
    return switch self {
    case .warped(let power): Self.midpoints(count) { pow($0, power) }
    case .midpoint: Self.midpoints(count) { $0 }
    case .gaussLegendre: Self.gaussLegendre(count)
    case .left: Self.equal(count) { Double($0) / Double(count) }
    case .right: Self.equal(count) { Double($0 + 1) / Double(count) }
    case .trapezoid: Self.trapezoid(count)
    }
  }

  private static func equal(_ count: Int, position: (Int) -> Double) -> [Node] {
    (0..<count).map { Node(position: position($0), weight: 1 / Double(count)) }
  }

  private static func midpoints(_ count: Int, edge: (Double) -> Double) -> [Node] {
    (0..<count).map { index in
      let lower = edge(Double(index) / Double(count))
      let upper = edge(Double(index + 1) / Double(count))
      return Node(position: (lower + upper) / 2, weight: upper - lower)
    }
  }

  private static func trapezoid(_ count: Int) -> [Node] {
    guard count > 1 else { return midpoints(1) { $0 } }
    return (0..<count).map { index in
      let isEnd = index == 0 || index == count - 1
      let width = 1 / Double(count - 1)
      return Node(position: Double(index) * width, weight: isEnd ? width / 2 : width)
    }
  }

  /// Roots of the Legendre polynomial of degree `count` by Newton's method from Tricomi's estimate,
  /// mapped from -1...1 to 0...1.
  private static func gaussLegendre(_ count: Int) -> [Node] {
    let nodes = (0..<count).map { index in
      var root = cos(.pi * (Double(index) + 0.75) / (Double(count) + 0.5))
      var slope = 1.0
      for _ in 0..<100 {
        let (value, derivative) = legendre(count, root)
        slope = derivative
        let step = value / derivative
        root -= step
        if abs(step) < 1e-16 { break }
      }
      slope = legendre(count, root).derivative
      return Node(position: (1 - root) / 2, weight: 1 / ((1 - root * root) * slope * slope))
    }
    return nodes.sorted { $0.position < $1.position }
  }

  /// The Legendre polynomial of a degree and its derivative, by Bonnet's recursion.
  private static func legendre(_ degree: Int, _ x: Double) -> (value: Double, derivative: Double) {
    var (previous, current) = (1.0, x)
    for n in stride(from: 2, through: degree, by: 1) {
      let n = Double(n)
      (previous, current) = (current, ((2 * n - 1) * x * current - (n - 1) * previous) / n)
    }
    return (current, Double(degree) * (x * current - previous) / (x * x - 1))
  }
}

extension Quadrature: CustomStringConvertible {
  /// The name on the command line, such as `gauss-legendre` or `warped:2.0`.
  public var description: String {
    switch self {
    case .warped(let power): "warped:\(power)"
    case .midpoint: "midpoint"
    case .gaussLegendre: "gauss-legendre"
    case .left: "left"
    case .right: "right"
    case .trapezoid: "trapezoid"
    }
  }

  /// The rule with this name, or nil; `warped:P` takes a power from 1 to 16.
  public init?(_ name: String) {
    switch name {
    case "midpoint": self = .midpoint
    case "gauss-legendre": self = .gaussLegendre
    case "left": self = .left
    case "right": self = .right
    case "trapezoid": self = .trapezoid
    default:
      guard name.hasPrefix("warped:"), let power = Double(name.dropFirst("warped:".count)),
        power >= 1, power <= 16
      else { return nil }
      self = .warped(power: power)
    }
  }
}
