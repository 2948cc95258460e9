/// A property that attributions should have, as a test with numbers: one type for each, listed in
/// `AxiomRegistry.axioms`.
///
/// A test shows that an axiom does not hold, by an example; that it holds it can only make likely.
package protocol Axiom: SendableMetatype {
  /// The name in tables.
  static var name: String { get }
  /// What it asks for, in one line.
  static var summary: String { get }
  /// What the number beside a verdict is.
  static var measure: String { get }

  /// Prepares graphs and points for a subject.
  ///
  /// - Throws: `AxiomVerdict.Inapplicable` if the axiom says nothing of this subject.
  init(_ subject: AxiomSubject) throws

  /// Whether the attributions of a method have the property, as far as this subject shows it.
  ///
  /// - Throws: `ModelError` if the method is not defined for the graphs.
  func verdict(on method: Method) throws -> AxiomVerdict
}

/// Every axiom that methods are tried by.
package enum AxiomRegistry {
  /// In the order of the tables.
  package static let axioms: [any Axiom.Type] = [
    Completeness.self, SensitivityToChange.self, SensitivityToNothing.self, Linearity.self,
    Symmetry.self, ImplementationInvariance.self, ContrastEquivariance.self,
  ]
}

/// What a test of an axiom came to.
package struct AxiomVerdict: Sendable {
  /// Whether the axiom holds.
  package enum Outcome: String, Sendable, Codable {
    /// No counter-example was found.
    case holds
    /// It holds for the mean over random maps, as far as their scatter shows, and not for a single one.
    case inExpectation = "in expectation"
    /// There is a counter-example.
    case fails
    /// The method is not defined for the model.
    case notDefined = "not defined"
    /// The axiom says nothing of the model.
    case notApplicable = "not applicable"
    /// Time ran out before.
    case notTried = "not tried"
  }

  package let outcome: Outcome
  /// The size of the deviation, or what the axiom says it measures.
  package var number: Double?
  /// The counter-example, or why there is no verdict; empty where there is nothing to say.
  package var explanation = ""

  /// Why an axiom says nothing of a subject.
  package struct Inapplicable: Error {
    package let reason: String

    package init(_ reason: String) { self.reason = reason }
  }

  static func holds(_ number: Double) -> AxiomVerdict {
    AxiomVerdict(outcome: .holds, number: number)
  }

  static func inExpectation(_ number: Double, _ explanation: String) -> AxiomVerdict {
    AxiomVerdict(outcome: .inExpectation, number: number, explanation: explanation)
  }

  static func fails(_ number: Double, _ counterexample: String) -> AxiomVerdict {
    AxiomVerdict(outcome: .fails, number: number, explanation: counterexample)
  }
}
