import Evaluation
import Foundation
import Tensors
import Testing

@Suite struct PreprocessingTests {
  @Test(arguments: [(20, 15, 12), (10, 16, 24), (21, 21, 18), (33, 17, 40)])
  func geometryEqualsTorchvision(short: Int, width: Int, height: Int) throws {
    let preprocessing = try Preprocessing(
      resize: .shortSide(short), crop: .init(width: width, height: height), channels: .rgb,
      scale: 1, mean: [0, 0, 0], std: [1, 1, 1])
    let cropped = try preprocessing.cropped(Golden.picture("source.png"))
    #expect(try cropped == Golden.ppm("geometry-\(short)-\(width)x\(height).ppm"))
  }

  @Test func imagenetEqualsTorchvision() throws {
    let preprocessing = try PreprocessingPreset.imagenet.preprocessing(height: 16, width: 16)
    let tensor = try preprocessing.tensor(from: Golden.picture("source.png"))
    let expected = try Golden.floats("imagenet-16x16.f32")
    #expect(tensor.shape == [3, 16, 16])
    for (value, reference) in zip(tensor.elements(as: Float.self), expected) {
      #expect(abs(value - reference) <= 4e-7)
    }
  }

  @Test func presetsSpellOutTheSizes() throws {
    let plain = try PreprocessingPreset.imagenet.preprocessing()
    #expect(plain.resize == .shortSide(256) && plain.crop == .init(width: 224, height: 224))
    let inception = try PreprocessingPreset.imagenet.preprocessing(height: 299, width: 299)
    #expect(inception.resize == .shortSide(342))
    let unit = try PreprocessingPreset.unit.preprocessing(height: 28, width: 28, channels: 1)
    #expect(unit.resize == .shortSide(28) && unit.channels == .gray)
    let open = try PreprocessingPreset.raw.preprocessing()
    #expect(open.resize == nil && open.crop == nil)
    #expect(throws: PreprocessingError.wrongChannelCount(preset: "caffe", 1)) {
      try PreprocessingPreset.caffe.preprocessing(channels: 1)
    }
  }

  @Test func channelsComeInTheModelsOrder() throws {
    let picture = Picture(width: 2, height: 1, pixels: [10, 20, 30, 40, 50, 60])
    let caffe = try Preprocessing(
      resize: nil, crop: nil, channels: .bgr, scale: 1, mean: [1, 2, 3], std: [1, 1, 2])
    let planes = try caffe.tensor(from: picture)
    #expect(planes.elements(as: Float.self) == [29, 59, 18, 48, 3.5, 18.5])
    #expect(caffe.values(red: 10, green: 20, blue: 30) == [29, 18, 3.5])

    let unit = try PreprocessingPreset.raw.preprocessing(layout: .nhwc)
    let pixels = try unit.tensor(from: picture)
    #expect(pixels.shape == [1, 2, 3])
    #expect(pixels.elements(as: Float.self) == [10, 20, 30, 40, 50, 60])
  }

  @Test func greyEqualsPillow() throws {
    let gray = try PreprocessingPreset.raw.preprocessing(channels: 1)
    let tensor = try gray.tensor(from: Golden.picture("source.png"))
    let expected = try Golden.bytes("source.grey").map(Float.init)
    #expect(tensor.elements(as: Float.self) == expected)
  }

  @Test(arguments: PreprocessingPreset.allCases, [Preprocessing.Layout.nchw, .nhwc])
  func pictureInvertsTensor(preset: PreprocessingPreset, layout: Preprocessing.Layout) throws {
    let preprocessing = try preset.preprocessing(height: 20, width: 24, layout: layout)
    let picture = try Golden.picture("source.png")
    let tensor = try preprocessing.tensor(from: picture, height: 20, width: 24)
    let batch = tensor.reshaped(to: Shape([1] + tensor.shape.dimensions))
    #expect(try preprocessing.picture(from: tensor) == preprocessing.cropped(picture))
    #expect(try preprocessing.picture(from: batch) == preprocessing.cropped(picture))
  }

  @Test func refusesWhatDoesNotFit() throws {
    let raw = try PreprocessingPreset.raw.preprocessing()
    let picture = Picture(width: 2, height: 1, pixels: [1, 2, 3, 4, 5, 6])
    #expect(
      throws: PreprocessingError.wrongSize(
        actual: .init(width: 2, height: 1), expected: .init(width: 1, height: 1))
    ) { try raw.tensor(from: picture, height: 1, width: 1) }
    #expect(throws: PreprocessingError.self) {
      try raw.picture(from: Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]))
    }
    let imagenet = try PreprocessingPreset.imagenet.preprocessing()
    let line = Picture(width: 1_000_000, height: 1, pixels: Array(repeating: 0, count: 3_000_000))
    #expect(throws: PreprocessingError.tooLong(width: 1_000_000, height: 1, side: 256)) {
      try imagenet.tensor(from: line)
    }
  }
}

@Suite struct PreprocessingFileTests {
  @Test(arguments: PreprocessingPreset.allCases)
  func roundTrip(preset: PreprocessingPreset) throws {
    for preprocessing in [
      try preset.preprocessing(height: 299, width: 299), try preset.preprocessing(layout: .nhwc),
    ] {
      let json = try JSONEncoder().encode(preprocessing)
      #expect(try Preprocessing(json: Array(json)) == preprocessing)
    }
  }

  @Test func readsTheDocumentedForm() throws {
    let json = """
      {"resize": {"width": 30, "height": 20}, "crop": null, "channels": "gray", "scale": 0.5,
       "mean": [1], "std": [2]}
      """
    let expected = try Preprocessing(
      resize: .exactly(width: 30, height: 20), crop: nil, channels: .gray, scale: 0.5, mean: [1],
      std: [2])
    #expect(try Preprocessing(json: Array(json.utf8)) == expected)
  }

  static let mistakes: [(change: String, message: String)] = [
    (#""colour": 1"#, #"unknown field "colour"; the fields are resize, crop, channels,"#),
    (#""crop": {"width": 3, "hight": 4}"#, #"unknown field "crop.hight""#),
    (#""crop": {"width": 3}"#, #"the field "crop.height" is missing"#),
    (#""crop": {"width": 0, "height": 3}"#, #"field "crop": 0x3"#),
    (#""crop": {"width": 3.5, "height": 3}"#, #"field "crop.width""#),
    (#""resize": {"shortSide": 99999}"#, #"field "resize.shortSide": 99999 is not within"#),
    (#""resize": {"shortSide": 9, "width": 9}"#, #"field "resize": either "shortSide" or"#),
    (#""resize": {"width": 9, "height": -1}"#, #"field "resize": 9x-1"#),
    (#""resize": 256"#, #"field "resize": the value has the wrong type"#),
    (#""channels": "rgb""#, #"field "channels": "rgb" is none of RGB, BGR, gray"#),
    (#""channels": "gray""#, #"field "mean": 3 numbers for the 1 channels of gray"#),
    (#""layout": "HWC""#, #"field "layout": "HWC" is none of NCHW, NHWC"#),
    (#""scale": 0"#, #"field "scale": 0.0 is not a finite number other than 0"#),
    (#""scale": "1/255""#, #"field "scale": the value has the wrong type"#),
    (#""mean": [1, 2]"#, #"field "mean": 2 numbers for the 3 channels of RGB"#),
    (#""mean": [1, 2, "x"]"#, #"field "mean[2]": the value has the wrong type"#),
    (#""std": [1, 0, 1]"#, #"field "std": no number may be 0"#),
  ]

  @Test(arguments: mistakes)
  func saysWhatIsWrong(change: String, message: String) throws {
    let sound = [
      #""channels": "RGB""#, #""scale": 1"#, #""mean": [0, 0, 0]"#, #""std": [1, 1, 1]"#,
    ]
    let name = change.prefix { $0 != ":" }
    let fields = sound.filter { !$0.hasPrefix(name) } + [change]
    expect("{\(fields.joined(separator: ", "))}", says: message)
  }

  @Test func namesArePresetsOrFiles() throws {
    let size = Preprocessing.Size(width: 64, height: 64)
    let named = try Preprocessing(named: "imagenet", size: size)
    #expect(try named == PreprocessingPreset.imagenet.preprocessing(height: 64, width: 64))
    #expect(throws: PreprocessingError.unknownPreset("imagnet")) {
      try Preprocessing(named: "imagnet")
    }

    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).json")
    #expect(throws: PreprocessingError.missing) { try Preprocessing(named: file.path) }
    try JSONEncoder().encode(named).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    #expect(try Preprocessing(named: file.path) == named)
  }

  @Test func saysWhatIsMissing() {
    expect(#"{"channels": "RGB", "mean": [0, 0, 0]}"#, says: #"the field "scale" is missing"#)
    expect("[1, 2]", says: "not a JSON object of preprocessing fields")
    expect("{", says: "not a JSON object of preprocessing fields")
    expect("", says: "not a JSON object of preprocessing fields")
  }

  private func expect(_ json: String, says message: String) {
    do throws(PreprocessingError) {
      _ = try Preprocessing(json: Array(json.utf8))
      Issue.record("no error")
    } catch {
      #expect(error.description.hasPrefix(message))
    }
  }
}
