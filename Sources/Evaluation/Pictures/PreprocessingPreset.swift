/// A preprocessing known by name, spelled out for the size of a model's input.
public enum PreprocessingPreset: String, Sendable, CaseIterable {
  /// torchvision's: RGB of 0 to 1 less the ImageNet mean, over its standard deviation.
  case imagenet
  /// Caffe's: BGR of 0 to 255 less the rounded ImageNet mean.
  case caffe
  /// Pixels of 0 to 1.
  case unit
  /// Pixels of 0 to 255.
  case raw

  /// The preprocessing for a model input of this size.
  ///
  /// `imagenet` and `caffe` resize the short side to 256/224 of the crop's (256 for 224, 342 for
  /// 299, as torchvision's own presets do); `unit` and `raw` to the crop's own. Where a model
  /// leaves its height or width open, `imagenet` and `caffe` take 224, and `unit` and `raw` keep
  /// the picture as it is.
  ///
  /// - Parameter channels: 3, or 1 for grey with `unit` and `raw`.
  public func preprocessing(
    height: Int? = nil, width: Int? = nil, channels: Int = 3, layout: Preprocessing.Layout = .nchw
  ) throws(PreprocessingError) -> Preprocessing {
    guard channels == 3 || channels == 1 && (self == .unit || self == .raw) else {
      throw channels == 1 || self == .imagenet || self == .caffe
        ? .wrongChannelCount(preset: rawValue, channels)
        : .badValue(field: "channels", "a picture has 1 or 3, the model takes \(channels)")
    }
    let zeros = [Double](repeating: 0, count: channels)
    let ones = [Double](repeating: 1, count: channels)
    let crop = size(height: height, width: width)
    let resize = crop.map { Preprocessing.Resize.shortSide(shortSide(for: $0)) }
    return switch self {
    case .imagenet:
      try Preprocessing(
        resize: resize, crop: crop, channels: .rgb, scale: 1 / 255, mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225], layout: layout)
    case .caffe:
      try Preprocessing(
        resize: resize, crop: crop, channels: .bgr, scale: 1, mean: [104, 117, 123], std: ones,
        layout: layout)
    case .unit, .raw:
      try Preprocessing(
        resize: resize, crop: crop, channels: channels == 1 ? .gray : .rgb,
        scale: self == .unit ? 1 / 255 : 1, mean: zeros, std: ones, layout: layout)
    }
  }

  private func size(height: Int?, width: Int?) -> Preprocessing.Size? {
    switch self {
    case .imagenet, .caffe: Preprocessing.Size(width: width ?? 224, height: height ?? 224)
    case .unit, .raw:
      if let height, let width { Preprocessing.Size(width: width, height: height) } else { nil }
    }
  }

  /// The length that the short side is resized to, so that the crop lies within the picture.
  private func shortSide(for crop: Preprocessing.Size) -> Int {
    let side = max(crop.width, crop.height)
    return switch self {
    case .imagenet, .caffe: Int((Double(side) * 256 / 224).rounded())
    case .unit, .raw: side
    }
  }
}
