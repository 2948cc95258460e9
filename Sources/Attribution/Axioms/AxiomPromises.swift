/// Which axioms a method has by its definition, so that a counter-example is a fault of this program.
///
/// The others may hold for a model or not: finding that out is what the tests are for. A method that is
/// not named here promises nothing.
package enum AxiomPromises {
  /// Methods by name with the axioms that are proved for them, in expectation for random ones.
  private static let promises: [String: [any Axiom.Type]] = [
    IntegratedGradients.name: AxiomRegistry.axioms,
    XGradient.name: AxiomRegistry.axioms,
    Auto.name: AxiomRegistry.axioms,
    ExpectedGradients.name: AxiomRegistry.axioms,
    Gradient.name: pointwise,
    InputXGradient.name: pointwise + [ContrastEquivariance.self],
  ]

  /// What every gradient at a point has.
  private static let pointwise: [any Axiom.Type] = [
    SensitivityToNothing.self, Linearity.self, Symmetry.self, ImplementationInvariance.self,
  ]

  /// Whether a method has an axiom by its definition.
  package static func includes(_ axiom: any Axiom.Type, of method: Method) -> Bool {
    promises[method.name]?.contains { $0 == axiom } ?? false
  }
}
