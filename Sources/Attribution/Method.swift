/// How attributions are computed.
public enum Method: String, Sendable, CaseIterable {
  /// The X-gradient where the model is proved homogeneous and the baseline is zero, else Integrated
  /// Gradients.
  case auto
  /// Integrated Gradients (Sundararajan et al., 2017, arXiv 1703.01365).
  case integratedGradients = "ig"
  /// Input times gradient over the degree of a homogeneous model, which there equals Integrated
  /// Gradients from the zero baseline (Hesse et al., 2021, arXiv 2111.07668).
  case xGradient = "xg"
  /// The gradient of the score.
  case gradient
  /// Input times gradient.
  case inputXGradient = "input-x-gradient"

  /// Whether the method compares the input with a baseline.
  public var usesBaseline: Bool { self == .auto || self == .integratedGradients }
}
