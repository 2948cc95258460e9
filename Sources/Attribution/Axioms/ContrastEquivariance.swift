import Foundation
package import Graphs
import Tensors

/// Attributions of a homogeneous model grow with the input as its scores do:
/// F(ax) = a^k F(x), so A(ax) = a^k A(x) for a > 0 (Hesse et al., 2021, arXiv 2111.07668).
package struct ContrastEquivariance: Axiom {
  package static let name = "contrast"
  package static let summary =
    "attributions of a homogeneous model scale with the contrast of the input as its scores do"
  package static let measure = "relative distance of the maps"

  private static let factors = [0.5, 3]

  private let subject: AxiomSubject
  private let degree: Int
  private let questions: [(factor: Double, question: AxiomSubject.Question)]

  package init(_ subject: AxiomSubject) throws {
    guard let degree = try subject.question.function.homogeneity().degree, degree > 0 else {
      throw AxiomVerdict.Inapplicable(
        "the model is not homogeneous" + (subject.layer.map { " from layer '\($0)' on" } ?? ""))
    }
    guard subject.question.baseline.isZero else {
      throw AxiomVerdict.Inapplicable(
        "it is about the zero baseline"
          + (subject.layer.map { ", and layer '\($0)' is not zero at the baseline" } ?? ""))
    }
    self.subject = subject
    self.degree = degree
    questions = Self.factors.map { factor in
      (factor, subject.question.at(subject.elements.map { $0 * factor }))
    }
  }

  package func verdict(on method: Method) throws -> AxiomVerdict {
    let original = try subject.map(by: method).values.doubles
    var largest = 0.0
    for (factor, question) in questions {
      let values = try subject.map(by: method, of: question).values.doubles
      let expected = original.map { $0 * pow(factor, Double(degree)) }
      let (error, worst) = Axioms.distance(values, expected)
      largest = max(largest, error)
      guard error > subject.tolerance.map else { continue }
      return .fails(
        error,
        "feature \(subject.label(worst)) gets \(Axioms.text(values[worst])) at \(Axioms.text(factor)) x and "
          + "should get \(Axioms.text(expected[worst]))")
    }
    return .holds(largest)
  }
}

extension AxiomSubject {
  /// How far F(2x) is from 2^k F(x), relative, where the model is proved homogeneous of degree k.
  package func homogeneity() throws(ModelError) -> (degree: Int, error: Double)? {
    guard let degree = try question.function.homogeneity().degree else { return nil }
    let doubled = question.at(elements.map { 2 * $0 })
    let scaled = try question.function.scores(at: doubled.point)[0]
    let expected = scores.map { $0 * pow(2, Double(degree)) }
    return (degree, Axioms.distance(scaled, expected).relative)
  }
}
