/** How a scene is shown to people. */

export type Show = {
	/** Whether somebody is watching, so that it is worth while to let a picture stand for a moment. */
	readonly isLive: boolean;
	/** Says what is going on. */
	readonly say: (sentence: string) => void;
	/** Something in the scene has changed. */
	readonly changed: () => void;
	/** The last picture stays; what is written afterwards comes below. May be called again. */
	readonly end: () => void;
	/** After the end: tells as lines what happens from now on. */
	readonly goOn: () => void;
};
