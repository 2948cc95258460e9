import Attribution
import Foundation
import Testing

@Suite struct QuadratureTests {
  static let rules: [Quadrature] = [
    .warped(power: 1), .warped(power: 2), .warped(power: 3), .midpoint, .gaussLegendre, .left,
    .right, .trapezoid,
  ]

  @Test(arguments: rules, [1, 2, 3, 8, 32, 128, 1000])
  func weightsSumToOneAndPositionsAscendWithinTheInterval(rule: Quadrature, count: Int) {
    let nodes = rule.nodes(count)
    #expect(nodes.count == count)
    #expect(abs(nodes.map(\.weight).reduce(0, +) - 1) < 1e-12)
    #expect(nodes.allSatisfy { $0.weight > 0 && (0...1).contains($0.position) })
    #expect(zip(nodes, nodes.dropFirst()).allSatisfy { $0.position < $1.position })
  }

  @Test(arguments: rules)
  func aConstantIsExactWithOneStep(rule: Quadrature) {
    #expect(rule.nodes(1).map(\.weight) == [1])
  }

  /// The integral of x^k over 0...1 is 1 / (k + 1).
  @Test(arguments: [1, 2, 3, 5, 8, 20])
  func gaussLegendreIsExactForPolynomialsUpToTwiceItsOrder(count: Int) {
    let nodes = Quadrature.gaussLegendre.nodes(count)
    for degree in 0..<(2 * count) {
      let sum = nodes.reduce(0) { $0 + $1.weight * pow($1.position, Double(degree)) }
      #expect(abs(sum - 1 / Double(degree + 1)) < 1e-13, "degree \(degree)")
    }
  }

  /// Abramowitz and Stegun, table 25.4, mapped from -1...1 to 0...1.
  @Test func gaussLegendreHasTheTabulatedPoints() {
    let nodes = Quadrature.gaussLegendre.nodes(3)
    let root = 0.774596669241483
    for (node, expected) in zip(nodes, [(1 - root) / 2, 0.5, (1 + root) / 2]) {
      #expect(abs(node.position - expected) < 1e-14)
    }
    for (node, expected) in zip(nodes, [5.0 / 18, 8.0 / 18, 5.0 / 18]) {
      #expect(abs(node.weight - expected) < 1e-14)
    }
  }

  @Test(arguments: [
    (Quadrature.midpoint, 2), (.warped(power: 1), 2), (.trapezoid, 2), (.left, 1), (.right, 1),
  ])
  func errorsShrinkAtTheOrderOfTheRule(rule: Quadrature, order: Int) {
    func error(_ count: Int) -> Double {
      let sum = rule.nodes(count).reduce(0) { $0 + $1.weight * exp($1.position) }
      return abs(sum - (M_E - 1))
    }
    let measured = log2(error(100) / error(200))
    #expect(abs(measured - Double(order)) < 0.1)
  }

  @Test func namesAreRead() {
    #expect(Quadrature("gauss-legendre") == .gaussLegendre)
    #expect(Quadrature("warped:1.5") == .warped(power: 1.5))
    for name in [
      "", "warped", "gauss", "warped:", "warped:x", "warped:0.5", "warped:nan", "warped:1e9",
    ] {
      #expect(Quadrature(name) == nil, "\(name)")
    }
    for rule in Self.rules { #expect(Quadrature(rule.description) == rule) }
  }

  @Test func thePilotStandsForARuleThatHasNoNumbers() {
    #expect(Integration(8, rule: "warped") == .piloted(8))
    #expect(Integration(8, rule: "warped:1.5") == .steps(8, .warped(power: 1.5)))
    #expect(Integration(8, rule: "exact") == nil)
  }

  @Test func noStepsGiveNoNodes() {
    for rule in Self.rules { #expect(rule.nodes(0).isEmpty && rule.nodes(-1).isEmpty) }
  }
}
