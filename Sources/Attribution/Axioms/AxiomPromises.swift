/// Which axioms a method has by its definition, so that a counter-example is a fault of this program.
///
/// The others may hold for a model or not: finding that out is what the tests are for. A method that is
/// not named here promises nothing; nor is anything promised that only the mean of many draws can show.
package enum AxiomPromises {
  /// Whether a method has an axiom by its definition.
  package static func includes(_ axiom: any Axiom.Type, of method: Method) -> Bool {
    axioms(of: method).contains { $0 == axiom }
  }

  private static func axioms(of method: Method) -> [any Axiom.Type] {
    switch method.name {
    case XGradient.name: AxiomRegistry.axioms
    case IntegratedGradients.name, Auto.name:
      isAnIntegral(method) ? AxiomRegistry.axioms : scaling
    case InputXGradient.name, ExpectedGradients.name: scaling
    case Gradient.name: pointwise
    default: []
    }
  }

  /// What every gradient at a point has.
  private static let pointwise: [any Axiom.Type] = [
    SensitivityToNothing.self, Linearity.self, Symmetry.self, ImplementationInvariance.self,
  ]

  /// What it has once it is multiplied by the input.
  private static let scaling = pointwise + [ContrastEquivariance.self]

  /// Whether there are steps enough to stand for the integral that the proofs are about.
  private static func isAnIntegral(_ method: Method) -> Bool {
    switch method.integration {
    case .steps(let count, _)?, .piloted(let count)?, .secant(let count)?, .automatic(let count)?:
      count >= 32
    case .tolerance?: false
    case .exact?, nil: true
    }
  }
}
