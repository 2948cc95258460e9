/// What `ascribe evaluate` measures. docs/evaluation.md has the exact protocols.
public enum Metric: String, Sendable, CaseIterable, Codable {
  /// How often the label has the best score, or one of the five best.
  case accuracy
  /// The accuracy of inputs whose contrast is lowered.
  case contrast
  /// The mean absolute relative difference from the first method of the run.
  case difference
  /// The error of completeness, relative to the difference of the scores.
  case completeness
  /// Keep the pixels that speak for the target: its score.
  case keepPositive = "kpm"
  /// Keep the pixels that speak against the target: its score.
  case keepNegative = "knm"
  /// Keep the pixels that matter most: how often the target is still the best class.
  case keepAbsolute = "kam"
  /// Keep the pixels that matter least: how often the target is still the best class.
  case removeAbsolute = "ram"
  /// Keep the weakest of the pixels that speak for the target: its score.
  case removePositive = "rpm"
  /// Keep the weakest of the pixels that speak against the target: its score.
  case removeNegative = "rnm"
  /// The target's probability as pixels appear on a blurred picture.
  case insertion
  /// The target's probability as pixels vanish.
  case deletion
  /// How well the map foresees what the removal of squares does to the score.
  case infidelity
  /// How much the map changes when the input hardly does.
  case maxSensitivity = "max-sensitivity"
  /// How often the strongest pixel lies on the object.
  case pointing
  /// The share of the map on the object.
  case relevanceMass = "relevance-mass"
  /// How few pixels hold the map.
  case gini

  /// The metrics of Hesse et al. (2021).
  public static let paper: [Metric] = [
    .accuracy, .difference, .keepPositive, .keepNegative, .keepAbsolute, .removeAbsolute,
  ]

  /// Whether it judges a model, whatever explains it.
  public var judgesModel: Bool { self == .accuracy || self == .contrast }
  /// Whether it compares with the known class.
  public var needsLabels: Bool { judgesModel }
  /// Whether it compares with masks of objects.
  public var needsMasks: Bool { self == .pointing || self == .relevanceMass }
  /// Whether it is one of pictures only.
  public var needsPictures: Bool {
    switch self {
    case .accuracy, .contrast, .difference, .completeness, .infidelity, .maxSensitivity, .gini:
      false
    default: true
    }
  }

  /// Whether it means something for the value of a layer, whose places it hides or judges.
  public var isDefinedAtLayers: Bool { self != .contrast && !needsMasks }

  /// The names of its results, of which each sample has one.
  public var resultNames: [String] {
    switch self {
    case .accuracy: ["top1", "top5"]
    default: [rawValue]
    }
  }

  /// Whether more is better; nil where neither is.
  public static func isHigherBetter(_ result: String) -> Bool? {
    switch result {
    case "top1", "top5", "contrast", "kpm", "kam", "rnm", "insertion", "pointing", "relevance-mass":
      true
    case "knm", "ram", "rpm", "deletion", "completeness", "infidelity", "max-sensitivity": false
    default: nil
    }
  }
}
