/// Every method that the program knows.
package enum MethodRegistry {
  /// In the order of the help.
  package static let methods: [any AttributionMethod.Type] = [
    Auto.self, IntegratedGradients.self, XGradient.self, Gradient.self, InputXGradient.self,
    ExpectedGradients.self, DeepLift.self, GuidedBackprop.self, DeconvNet.self,
    LayerwiseRelevance.self,
    RandomAttribution.self,
  ]
}
