public import Tensors

/// How a picture becomes a model's input: resize, crop, then (pixel * scale - mean) / std.
///
/// Geometry is torchvision's on PIL pictures: `Resize` with antialiased bilinear interpolation,
/// then `CenterCrop`, which pads with black where the picture is smaller than the crop.
public struct Preprocessing: Sendable, Equatable {
  /// What a picture is resized to before the crop.
  public enum Resize: Sendable, Equatable {
    /// The shorter side becomes this long; the longer one follows, rounded down.
    case shortSide(Int)
    /// The picture becomes this large, whatever its proportions.
    case exactly(width: Int, height: Int)
  }

  /// A width and a height in pixels.
  public struct Size: Sendable, Equatable {
    /// Pixels in a row.
    public var width: Int
    /// Rows.
    public var height: Int

    /// The size of these extents.
    public init(width: Int, height: Int) {
      self.width = width
      self.height = height
    }
  }

  /// Which colours the model takes, and in which order.
  public enum Channels: String, Sendable {
    /// Red, green, blue.
    case rgb = "RGB"
    /// Blue, green, red.
    case bgr = "BGR"
    /// One channel of luma, 0.299 red + 0.587 green + 0.114 blue, as PIL rounds it.
    case gray

    /// Values per pixel.
    public var count: Int { self == .gray ? 1 : 3 }
  }

  /// Where the channels lie in the tensor.
  public enum Layout: String, Sendable {
    /// Channels, rows, columns.
    case nchw = "NCHW"
    /// Rows, columns, channels.
    case nhwc = "NHWC"
  }

  /// The resize, if any.
  public let resize: Resize?
  /// The part cut out of the middle, if any.
  public let crop: Size?
  /// The colours that the model takes.
  public let channels: Channels
  /// What pixels of 0 to 255 are multiplied by; finite, not 0.
  public let scale: Double
  /// What is subtracted after scaling, one number per channel in the model's order.
  public let mean: [Double]
  /// What is divided by in the end, one number per channel in the model's order; none is 0.
  public let std: [Double]
  /// Where the channels lie.
  public let layout: Layout

  /// The preprocessing of these fields, which are checked.
  public init(
    resize: Resize?, crop: Size?, channels: Channels, scale: Double, mean: [Double],
    std: [Double], layout: Layout = .nchw
  ) throws(PreprocessingError) {
    self.resize = resize
    self.crop = crop
    self.channels = channels
    self.scale = scale
    self.mean = mean
    self.std = std
    self.layout = layout
    try check()
  }

  private func check() throws(PreprocessingError) {
    let sides = 1...16_384
    switch resize {
    case .shortSide(let side) where !sides.contains(side):
      throw .badValue(field: "resize.shortSide", "\(side) is not within 1 to 16384")
    case .exactly(let width, let height)
    where !sides.contains(width) || !sides.contains(height):
      throw .badValue(field: "resize", "\(width)x\(height): sides go from 1 to 16384")
    default: break
    }
    if let crop, !sides.contains(crop.width) || !sides.contains(crop.height) {
      throw .badValue(field: "crop", "\(crop.width)x\(crop.height): sides go from 1 to 16384")
    }
    guard scale.isFinite, scale != 0 else {
      throw .badValue(field: "scale", "\(scale) is not a finite number other than 0")
    }
    for (field, numbers) in [("mean", mean), ("std", std)] {
      guard numbers.count == channels.count else {
        throw .badValue(
          field: field,
          "\(numbers.count) numbers for the \(channels.count) channels of \(channels.rawValue)")
      }
      guard numbers.allSatisfy(\.isFinite) else {
        throw .badValue(field: field, "every number must be finite")
      }
    }
    guard !std.contains(0) else { throw .badValue(field: "std", "no number may be 0") }
  }
}

extension Preprocessing {
  /// The picture as the model sees it: resized and cropped, still 8-bit RGB.
  public func cropped(_ picture: Picture) throws(PreprocessingError) -> Picture {
    var picture = picture
    if let size = try resizedSize(of: picture) {
      picture = picture.resized(width: size.width, height: size.height)
    }
    if let crop { picture = picture.centerCropped(width: crop.width, height: crop.height) }
    return picture
  }

  /// The model's input for a picture: float32, [C,H,W] or [H,W,C] by `layout`.
  ///
  /// - Throws: if a height or a width is asked for and the result has another, or the resize would
  ///   make the picture too large.
  public func tensor(
    from picture: Picture, height: Int? = nil, width: Int? = nil
  ) throws(PreprocessingError) -> Tensor {
    try tensor(ofCropped: cropped(picture), height: height, width: width)
  }

  /// The model's input for what it sees of a picture.
  package func tensor(
    ofCropped seen: Picture, height: Int? = nil, width: Int? = nil
  ) throws(PreprocessingError) -> Tensor {
    let (height, width) = (height ?? seen.height, width ?? seen.width)
    guard seen.height == height, seen.width == width else {
      throw .wrongSize(
        actual: Size(width: seen.width, height: seen.height),
        expected: Size(width: width, height: height))
    }
    let values = valuesOfPixels
    let (pixelStride, channelStride) = strides(pixelCount: height * width)
    return Tensor(Float.self, shape: shape(height: height, width: width)) { elements in
      seen.pixels.withUnsafeBufferPointer { pixels in
        for pixel in 0..<height * width {
          for channel in 0..<channels.count {
            let byte = channels.select(channel, from: pixels, at: 3 * pixel)
            elements.initializeElement(
              at: pixel * pixelStride + channel * channelStride,
              to: values[channel][Int(byte)])
          }
        }
      }
    }
  }

  /// The picture that a model's input shows: the inverse of `tensor(from:)`, rounded to 8 bits and
  /// clipped.
  ///
  /// - Parameter tensor: floats of the layout's shape, with or without a leading batch of one.
  public func picture(from tensor: Tensor) throws(PreprocessingError) -> Picture {
    var extents = tensor.shape.dimensions
    if extents.count == 4, extents.first == 1 { extents.removeFirst() }
    guard extents.count == 3, tensor.elementType.isFloatingPoint, tensor.layout == .rowMajor,
      extents[layout == .nchw ? 0 : 2] == channels.count, !extents.contains(0)
    else { throw .notAPicture("\(tensor)", expected: "\(channels.count) channels, \(layout)") }
    let height = layout == .nchw ? extents[1] : extents[0]
    let width = layout == .nchw ? extents[2] : extents[1]
    guard width <= Picture.maximumPixelCount / height else {
      throw .notAPicture("\(tensor)", expected: "at most \(Picture.maximumPixelCount) pixels")
    }

    let (pixelStride, channelStride) = strides(pixelCount: height * width)
    let elements = tensor.converted(to: .float64).elements(as: Double.self)
    var pixels = [UInt8](repeating: 0, count: 3 * height * width)
    for pixel in 0..<height * width {
      for color in 0..<3 {
        let channel = channels.channel(of: color)
        let element = elements[pixel * pixelStride + channel * channelStride]
        let value = (element * std[channel] + mean[channel]) / scale
        pixels[3 * pixel + color] = UInt8(converting: value.rounded())
      }
    }
    return Picture(width: width, height: height, pixels: pixels)
  }

  /// The model's value of a colour of 0 to 255, one number per channel in the model's order. Black
  /// and white baselines are made of these.
  public func values(red: UInt8, green: UInt8, blue: UInt8) -> [Float] {
    [red, green, blue].withUnsafeBufferPointer { color in
      (0..<channels.count).map { channel in
        value(of: channels.select(channel, from: color, at: 0), channel: channel)
      }
    }
  }

  /// The shape of a model's input of this size, without the batch.
  private func shape(height: Int, width: Int) -> Shape {
    layout == .nchw ? [channels.count, height, width] : [height, width, channels.count]
  }

  private func strides(pixelCount: Int) -> (pixel: Int, channel: Int) {
    layout == .nchw ? (1, pixelCount) : (channels.count, 1)
  }

  private func value(of pixel: UInt8, channel: Int) -> Float {
    Float((Double(pixel) * scale - mean[channel]) / std[channel])
  }

  /// For each channel, the values of the pixels 0 to 255.
  private var valuesOfPixels: [[Float]] {
    (0..<channels.count).map { channel in
      (0...255).map { value(of: UInt8($0), channel: channel) }
    }
  }

  private func resizedSize(of picture: Picture) throws(PreprocessingError) -> Size? {
    switch resize {
    case nil: return nil
    case .exactly(let width, let height): return Size(width: width, height: height)
    case .shortSide(let side):
      let short = min(picture.width, picture.height)
      let long = Int(Double(side * max(picture.width, picture.height)) / Double(short))
      guard long <= Picture.maximumPixelCount / side else {
        throw .tooLong(width: picture.width, height: picture.height, side: side)
      }
      return picture.width <= picture.height
        ? Size(width: side, height: long) : Size(width: long, height: side)
    }
  }
}

extension Preprocessing.Channels {
  /// The value of a channel in the pixel whose red lies at `index`.
  @inline(__always)
  fileprivate func select(
    _ channel: Int, from pixels: UnsafeBufferPointer<UInt8>, at index: Int
  ) -> UInt8 {
    switch self {
    case .rgb: return pixels[index + channel]
    case .bgr: return pixels[index + 2 - channel]
    case .gray:
      // PIL's fixed-point luma (ITU-R BT.601).
      let red = UInt32(pixels[index]) * 19_595
      let green = UInt32(pixels[index + 1]) * 38_470
      let blue = UInt32(pixels[index + 2]) * 7_471
      return UInt8((red + green + blue + 0x8000) >> 16)
    }
  }

  /// The channel that red (0), green (1) or blue (2) is taken from.
  fileprivate func channel(of color: Int) -> Int {
    switch self {
    case .rgb: color
    case .bgr: 2 - color
    case .gray: 0
    }
  }
}

extension Picture {
  /// The middle of the picture; black is added around it where the crop is larger.
  ///
  /// Half pixels are placed as torchvision's `CenterCrop` places them: padding puts the odd one
  /// right and below, cropping rounds half to even.
  package func centerCropped(width newWidth: Int, height newHeight: Int) -> Picture {
    func offset(_ extent: Int, _ cropped: Int) -> Int {
      guard extent >= cropped else { return -((cropped - extent) / 2) }
      return Int((Double(extent - cropped) / 2).rounded(.toNearestOrEven))
    }
    let (left, top) = (offset(width, newWidth), offset(height, newHeight))
    let columns = max(left, 0)..<min(left + newWidth, width)
    let rows = max(top, 0)..<min(top + newHeight, height)

    var cropped = [UInt8](repeating: 0, count: 3 * newWidth * newHeight)
    for row in rows {
      let target = 3 * ((row - top) * newWidth + columns.lowerBound - left)
      let source = 3 * (row * width + columns.lowerBound)
      cropped.replaceSubrange(
        target..<target + 3 * columns.count, with: pixels[source..<source + 3 * columns.count])
    }
    return Picture(width: newWidth, height: newHeight, pixels: cropped)
  }
}
