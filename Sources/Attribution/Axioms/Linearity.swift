import Graphs
import Rewrites
import Tensors

/// Attributions of a F1 + b F2 are a times those of F1 plus b times those of F2
/// (Sundararajan et al., 2017, section 3).
///
/// F1 is the score, F2 another score, where there is one, of the input in reverse order; their sum is one
/// graph.
package struct Linearity: Axiom {
  package static let name = "linearity"
  package static let summary =
    "attributions of 2 F1 - F2 / 2, one graph, follow from those of F1 and F2"
  package static let measure = "relative distance of the maps"

  private static let (first, second) = (2.0, -0.5)

  private let subject: AxiomSubject
  private let other: AxiomSubject.Question
  private let sum: AxiomSubject.Question

  package init(_ subject: AxiomSubject) throws {
    let count = subject.elements.count
    let reversed = try subject.graph.permutingInput(
      subject.explained, to: Array((0..<count).reversed()), shape: subject.shape)
    let target = subject.question.target
    let otherTarget = subject.scores.indices.first { $0 != target } ?? target
    func weights(_ place: Int, _ weight: Double) -> [Double] {
      subject.scores.indices.map { $0 == place ? weight : 0 }
    }
    let type = subject.elementType
    self.subject = subject
    other = try subject.question(of: reversed, target: otherTarget)
    sum = try subject.question(
      of: subject.graph.weighingScores(by: weights(target, Self.first), type).adding(
        reversed.weighingScores(by: weights(otherTarget, Self.second), type)), target: 0)
  }

  package func verdict(on method: Method) throws -> AxiomVerdict {
    let whole = try subject.map(by: method, of: sum).values.doubles
    let parts = try zip(
      subject.map(by: method).values.doubles, subject.map(by: method, of: other).values.doubles)
    let expected = parts.map { Self.first * $0 + Self.second * $1 }
    let (error, worst) = Axioms.distance(whole, expected)
    guard error > subject.tolerance.map else { return .holds(error) }
    return .fails(
      error,
      "feature \(subject.label(worst)) gets \(Axioms.text(whole[worst])) for 2 F1 - F2 / 2, by the parts it "
        + "should be \(Axioms.text(expected[worst]))")
  }
}
